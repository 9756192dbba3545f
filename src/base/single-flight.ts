/** What {@link SingleFlight.run} gives: the shared outcome, and whether another caller had started it. */
export interface Flight<T> {
  readonly outcome: Promise<T>;
  readonly joined: boolean;
}

/**
 * One run of a piece of work serves all who ask for it meanwhile. A caller that leaves neither stops it nor
 * fails the others. Outcomes are not kept.
 */
export class SingleFlight<T> {
  readonly #flights = new Map<string, Promise<T>>();

  run(key: string, work: () => Promise<T>): Flight<T> {
    const underWay = this.#flights.get(key);
    if (underWay !== undefined) return { outcome: underWay, joined: true };
    const outcome = work().finally(() => this.#flights.delete(key));
    this.#flights.set(key, outcome);
    return { outcome, joined: false };
  }
}
