interface Handle {
  close(): Promise<unknown>;
}

/**
 * Wraps a store and simulates a crash after some calls: from then on no call reaches the
 * store, and none is ever answered, as for a process that is gone. The stores that share one crash go
 * together.
 */
export class StoreCrash {
  #callsLeft = Infinity;
  readonly #handles = new Set<Handle>();
  #closed = false;

  /** Crashes after so many more calls. */
  after(calls: number): void {
    this.#callsLeft = calls;
  }

  /** Closes the files that were open at the crash, as the system does for a process that is gone. */
  async closeFiles(): Promise<void> {
    this.#closed = true;
    for (const handle of this.#handles) await handle.close().catch(() => undefined);
    this.#handles.clear();
  }

  /** Whether it has crashed. */
  get happened(): boolean {
    return this.#callsLeft <= 0;
  }

  /** The same store, until the crash. Objects that the store gives out (ingests, readers) crash with it. */
  wrap<T extends object>(store: T): T {
    return new Proxy(store, {
      get: (inner, key) => {
        const value: unknown = Reflect.get(inner, key, inner);
        if (typeof value === 'object' && value !== null) return this.wrap(value);
        if (typeof value !== 'function') return value;
        return (...args: readonly unknown[]): unknown => {
          if (this.happened) return silence();
          this.#callsLeft -= 1;
          const result: unknown = Reflect.apply(value, inner, args);
          if (result instanceof Promise) return this.#answer(result);
          return isIterable(result) ? this.#items(result) : result;
        };
      },
    });
  }

  async #answer(result: Promise<unknown>): Promise<unknown> {
    const answer = await result;
    if (isHandle(answer)) {
      this.#handles.add(answer);
      if (this.#closed) await answer.close().catch(() => undefined);
    }
    if (this.happened) return silence();
    return isHandle(answer) ? this.wrap(answer) : answer;
  }

  async *#items(result: AsyncIterable<unknown>): AsyncIterable<unknown> {
    for await (const item of result) {
      if (this.happened) await silence();
      yield item;
    }
  }
}

/** What never comes, be it one answer or many. */
function silence(): Promise<never> & AsyncIterable<never> {
  const never = new Promise<never>(() => undefined);
  return Object.assign(never, { [Symbol.asyncIterator]: () => ({ next: () => never }) });
}

function isIterable(result: unknown): result is AsyncIterable<unknown> {
  return typeof result === 'object' && result !== null && Symbol.asyncIterator in result;
}

function isHandle(answer: unknown): answer is Handle {
  return (
    typeof answer === 'object' && answer !== null && 'close' in answer && typeof answer.close === 'function'
  );
}
