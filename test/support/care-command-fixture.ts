import { mkdir } from 'node:fs/promises';
import type { PassThrough } from 'node:stream';
import { pino } from 'pino';
import type { CommandContext } from '../../src/cli/command-context.ts';
import { ControlServer } from '../../src/control/control-server.ts';
import { FolderLock } from '../../src/store/sqlite/folder-lock.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { writeConfigurationFile } from './configuration-file.ts';
import type { FakeCaretaker } from './fake-caretaker.ts';
import { FakeServices } from './fake-services.ts';
import { TempFolder } from './temp-folder.ts';

/** Five hours after everything of a {@link FakeCaretaker} was used last, in milliseconds since the epoch. */
const now = 1_700_000_000_000 + 5 * 3_600_000;

/** A control server with a scripted caretaker, and a terminal to run care commands on. */
export class CareCommandFixture implements AsyncDisposable {
  readonly services = new FakeServices();
  readonly interrupted = new AbortController();
  readonly #closing: AsyncDisposableStack;
  readonly options: { readonly config: string };
  out = '';
  err = '';
  /** What is drawn on a screen; undefined where there is none. */
  screen: PassThrough | undefined;

  private constructor(closing: AsyncDisposableStack, config: string) {
    this.#closing = closing;
    this.options = { config };
  }

  static async open(): Promise<CareCommandFixture> {
    await using closing = new AsyncDisposableStack();
    const folder = closing.use(await TempFolder.create());
    const config = await writeConfigurationFile(folder, {});
    const data = folder.join('data');
    await mkdir(data);
    const lock = await FolderLock.take(data);
    closing.defer(() => lock.release());
    const fixture = new CareCommandFixture(closing.move(), config);
    const server = await ControlServer.open({
      folder: data,
      services: fixture.services,
      clock: systemClock(),
      logger: pino({ level: 'silent' }),
    });
    fixture.#closing.use(server);
    return fixture;
  }

  get caretaker(): FakeCaretaker {
    return this.services.caretaker;
  }

  get context(): CommandContext {
    return {
      terminal: {
        out: (text) => void (this.out += text),
        err: (text) => void (this.err += text),
        interactive: false,
        bars: this.screen,
      },
      clock: { ...systemClock(), now: () => now },
      interrupted: this.interrupted.signal,
    };
  }

  get lines(): readonly string[] {
    return this.out.split('\n').slice(0, -1);
  }

  /** The lines as JSON. */
  get json(): readonly unknown[] {
    return this.lines.map((line): unknown => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
  }
}
