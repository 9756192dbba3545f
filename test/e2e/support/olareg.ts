import { Child } from '../../support/child.ts';
import { eventually } from '../../support/deadline.ts';
import { freePort } from '../../support/free-port.ts';
import { answersRegistryApi } from './entrepot.ts';
import { showWhenFailed } from './logs.ts';

/** A registry that has all of distribution-spec 1.1, the referrers API included. */
export class Olareg implements AsyncDisposable {
  /** Its origin. */
  readonly url: string;
  readonly #process: Child;

  private constructor(url: string, child: Child) {
    this.url = url;
    this.#process = child;
  }

  /** Runs `program` with its data in `folder`. Resolves when it answers. */
  static async start(program: string, folder: string): Promise<Olareg> {
    const port = await freePort();
    const child = new Child(program, ['serve', '--dir', folder, '--port', String(port)]);
    showWhenFailed('olareg', child);
    const olareg = new Olareg(`http://127.0.0.1:${port}`, child);
    await using cleanup = new AsyncDisposableStack();
    cleanup.use(olareg);
    await eventually(60_000, 'olareg answers', async () => answersRegistryApi(olareg.url));
    cleanup.move();
    return olareg;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#process.stop();
  }
}
