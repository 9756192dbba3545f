import { extname } from 'node:path';
import { Worker } from 'node:worker_threads';
import { registryErrors } from '../../oci/error.ts';

export interface BcryptQuestion {
  readonly password: string;
  readonly hash: string;
}

export interface BcryptAnswer {
  readonly right: boolean;
}

/** Comparisons that may wait at once. */
export interface BcryptLimits {
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
 * Compares passwords with bcrypt hashes on one thread of its own, one after the other: that is what a flood of wrong
 * passwords may cost. Clients take turns, so that one who floods holds up only itself.
 */
export class Bcrypt implements AsyncDisposable {
  readonly #limits: BcryptLimits;
  /** Who waits, by client; clients in the order of their turns. */
  readonly #queues = new Map<string, Waiting[]>();
  #waiting = 0;
  #worker: Worker | undefined;
  #current: Waiting | undefined;

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
      this.#next();
    });
  }

  /** Ends the thread. Comparisons that wait reject: the server is stopping. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#fail(registryErrors.unavailable('the server is stopping'));
    await this.#worker?.terminate();
  }

  #next(): void {
    if (this.#current !== undefined) return;
    const [turn] = this.#queues;
    if (turn === undefined) return;
    const [client, queue] = turn;
    const waiting = queue.shift();
    this.#queues.delete(client);
    if (queue.length > 0) this.#queues.set(client, queue);
    if (waiting === undefined) return;
    this.#waiting -= 1;
    this.#current = waiting;
    this.#worker ??= this.#start();
    const question: BcryptQuestion = { password: waiting.password, hash: waiting.hash };
    this.#worker.postMessage(question);
  }

  #start(): Worker {
    // The extension is the one of this file: a build has no TypeScript.
    const worker = new Worker(new URL(`bcrypt-worker${extname(import.meta.url)}`, import.meta.url));
    worker.unref();
    worker.on('message', ({ right }: BcryptAnswer) => {
      const answered = this.#current;
      this.#current = undefined;
      answered?.resolve(right);
      this.#next();
    });
    worker.on('error', (cause: unknown) => {
      this.#worker = undefined;
      this.#fail(new Error('the thread that compares passwords failed', { cause }));
    });
    return worker;
  }

  #fail(error: Error): void {
    const all = [
      ...(this.#current === undefined ? [] : [this.#current]),
      ...[...this.#queues.values()].flat(),
    ];
    this.#current = undefined;
    this.#queues.clear();
    this.#waiting = 0;
    for (const { reject } of all) reject(error);
  }
}
