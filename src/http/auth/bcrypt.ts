import { WorkerThread, workerFile } from '../../base/worker-thread.ts';
import { registryErrors } from '../../oci/error.ts';

export interface BcryptQuestion {
  readonly password: string;
  readonly hash: string;
}

/** Comparisons that may wait at once. */
interface BcryptLimits {
  readonly all: number;
  readonly perClient: number;
}

interface Waiting extends BcryptQuestion {
  readonly client: string;
  readonly resolve: (right: boolean) => void;
  readonly reject: (error: Error) => void;
}

const defaultLimits: BcryptLimits = { all: 64, perClient: 16 };

/** Seconds. A comparison takes about a tenth of one. */
const retryAfter = 2;

/**
 * Compares passwords with bcrypt hashes on a thread, one after the other, which limits what a flood of wrong
 * passwords costs. Clients take turns, so that one that floods delays only itself.
 */
export class Bcrypt implements AsyncDisposable {
  readonly #limits: BcryptLimits;
  /** By client, in the order of their turns. */
  readonly #queues = new Map<string, Waiting[]>();
  readonly #thread = new WorkerThread<BcryptQuestion, boolean>(workerFile('bcrypt-worker', import.meta.url));
  #waiting = 0;
  #busy = false;
  #closed = false;

  constructor(limits: BcryptLimits = defaultLimits) {
    this.#limits = limits;
  }

  /** Rejects with RegistryError `TOOMANYREQUESTS` when too many wait already. */
  compare(password: string, hash: string, client: string): Promise<boolean> {
    const queue = this.#queues.get(client) ?? [];
    if (this.#waiting >= this.#limits.all || queue.length >= this.#limits.perClient) {
      return Promise.reject(registryErrors.tooManyRequests('too many logins at once', { retryAfter }));
    }
    return new Promise((resolve, reject) => {
      queue.push({ password, hash, client, resolve, reject });
      this.#queues.set(client, queue);
      this.#waiting += 1;
      void this.#work();
    });
  }

  /** Ends the thread. Comparisons that wait reject: the server is stopping. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closed = true;
    await this.#thread[Symbol.asyncDispose]();
  }

  async #work(): Promise<void> {
    if (this.#busy) return;
    this.#busy = true;
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      const { password, hash, resolve, reject } = next;
      await this.#thread.call({ password, hash }).then(resolve, (cause: unknown) => {
        if (this.#closed) reject(registryErrors.unavailable('the server is stopping'));
        else reject(new Error('the thread that compares passwords failed', { cause }));
      });
    }
    this.#busy = false;
  }

  /** The first of the client whose turn it is, which then goes to the end of the line. */
  #next(): Waiting | undefined {
    const [turn] = this.#queues;
    if (turn === undefined) return undefined;
    const [client, queue] = turn;
    const waiting = queue.shift();
    this.#queues.delete(client);
    if (queue.length > 0) this.#queues.set(client, queue);
    this.#waiting -= 1;
    return waiting;
  }
}
