import { request } from 'node:http';
import { text } from 'node:stream/consumers';
import { pino, type Logger } from 'pino';
import { ControlClient } from '../../src/control/control-client.ts';
import { ControlServer } from '../../src/control/control-server.ts';
import { remoteCaretaker } from '../../src/control/remote-caretaker.ts';
import type { Caretaker } from '../../src/cache/care/caretaker.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { within } from './deadline.ts';
import type { FakeCaretaker } from './fake-caretaker.ts';
import { FakeServices } from './fake-services.ts';
import { TempFolder } from './temp-folder.ts';

/** A control server on a folder of its own, with a caretaker that does as a test says. */
export class ControlFixture implements AsyncDisposable {
  readonly services = new FakeServices();
  readonly folder: TempFolder;
  readonly #log: string[] = [];
  #server: ControlServer | undefined;

  private constructor(folder: TempFolder) {
    this.folder = folder;
  }

  static async open(): Promise<ControlFixture> {
    const fixture = new ControlFixture(await TempFolder.create());
    await fixture.serve();
    return fixture;
  }

  get caretaker(): FakeCaretaker {
    return this.services.caretaker;
  }

  get remote(): Caretaker {
    return remoteCaretaker(new ControlClient(this.folder.path));
  }

  get log(): string {
    return this.#log.join('');
  }

  get #logger(): Logger {
    return pino({ level: 'trace' }, { write: (line: string) => void this.#log.push(line) });
  }

  async serve(folder = this.folder.path): Promise<void> {
    this.#server = await ControlServer.open({
      folder,
      services: this.services,
      clock: systemClock(),
      logger: this.#logger,
    });
  }

  async close(): Promise<void> {
    await within(
      8000,
      'the end of the control server',
      Promise.resolve(this.#server?.[Symbol.asyncDispose]()),
    );
    this.#server = undefined;
  }

  /** As another program on this machine would ask. */
  async post(
    path: string,
    body: string,
    method = 'POST',
  ): Promise<{ status: number | undefined; body: string }> {
    const sent = request({ socketPath: this.folder.join('control.sock'), path, method });
    const { promise, resolve, reject } = Promise.withResolvers<{
      status: number | undefined;
      body: string;
    }>();
    sent.on('error', reject);
    sent.on('response', (response) => {
      text(response).then((answer) => resolve({ status: response.statusCode, body: answer }), reject);
    });
    sent.end(body);
    return within(60_000, `the answer to ${path}`, promise);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.close();
    await this.folder.remove();
  }
}
