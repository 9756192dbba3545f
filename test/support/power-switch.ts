interface Handle {
  close(): Promise<unknown>;
}

/**
 * Stands before a store and cuts the power after some calls, for good: from then on no call reaches the
 * store, and none is ever answered, as for a process that is gone. The stores that share one switch go
 * together.
 */
export class PowerSwitch {
  #callsLeft = Infinity;
  readonly #handles = new Set<Handle>();
  #closed = false;

  /** Cuts the power after so many more calls. */
  cutAfter(calls: number): void {
    this.#callsLeft = calls;
  }

  /** Closes the files that were open when the power went, as the system does for a process that is gone. */
  async closeFiles(): Promise<void> {
    this.#closed = true;
    for (const handle of this.#handles) await handle.close().catch(() => undefined);
    this.#handles.clear();
  }

  /** Whether the power is gone. */
  get off(): boolean {
    return this.#callsLeft <= 0;
  }

  /** The same store, until the power goes. Objects that the store gives out (ingests, readers) go with it. */
  wire<T extends object>(store: T): T {
    return new Proxy(store, {
      get: (inner, key) => {
        const value: unknown = Reflect.get(inner, key, inner);
        if (typeof value === 'object' && value !== null) return this.wire(value);
        if (typeof value !== 'function') return value;
        return (...args: readonly unknown[]): unknown => {
          if (this.off) return silence();
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
    if (this.off) return silence();
    return isHandle(answer) ? this.wire(answer) : answer;
  }

  async *#items(result: AsyncIterable<unknown>): AsyncIterable<unknown> {
    for await (const item of result) {
      if (this.off) await silence();
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
