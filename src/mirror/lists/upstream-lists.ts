import { LRUCache } from 'lru-cache';
import { isWithin, type Clock } from '../../base/clock.ts';
import { SingleFlight } from '../../base/single-flight.ts';
import { elapsed, within } from '../../base/time-limit.ts';
import { RegistryError, registryErrors } from '../../oci/error.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Breaker } from '../../upstream/breaker.ts';
import { offlineError } from '../../upstream/connectivity.ts';
import { clientError, notAsked, upstreamTimeLimits } from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { CacheResult } from '../mirror.ts';

/** How long a list that does not say so is served without asking upstream. */
const freshMs = 60_000;

/** A list as upstream gave it. */
export interface UpstreamList<T> {
  readonly items: readonly T[];
  /** Milliseconds since the epoch. */
  readonly checkedAt: number;
  /** Milliseconds for which it is served without asking upstream; a minute if not given. */
  readonly maxAgeMs?: number | undefined;
  /** What upstream had to say to people; not kept. */
  readonly notices?: readonly string[] | undefined;
  /** Why it is an old one after all; it then stands for this answer only. */
  readonly warning?: string | undefined;
}

/** Where one list comes from. */
interface ListSource<T> {
  readonly repository: Repository;
  readonly breaker: Breaker;
  /** What upstream gave once, from the database. */
  readonly recorded: () => Promise<UpstreamList<T> | undefined>;
  /** Whether some of its items are cached, whether upstream ever listed them or not. */
  readonly isPartlyCached: () => Promise<boolean>;
  /** Whether an empty list will do when upstream fails and nothing is known; if not given, it will not. */
  readonly emptyWillDo?: () => Promise<boolean>;
  /** Asks upstream. Rejects with UpstreamError or RegistryError. */
  readonly ask: () => Promise<UpstreamList<T>>;
}

interface ListAnswer<T> {
  /** What upstream gives, or gave last; undefined when it never gave any. */
  readonly listed: readonly T[] | undefined;
  readonly result: CacheResult;
  readonly upstreamMs: number;
  readonly warning: string | undefined;
  readonly notices?: readonly string[] | undefined;
}

/** Lists of upstream: asked for when they are due, and answered from what is known when upstream fails. */
export class UpstreamLists<T> {
  readonly #clock: Clock;
  readonly #known: LRUCache<string, UpstreamList<T>>;
  readonly #requests = new SingleFlight<UpstreamList<T>>();

  /** @param maxItems items kept in memory, over all lists */
  constructor(clock: Clock, maxItems: number) {
    this.#clock = clock;
    this.#known = new LRUCache({ maxSize: maxItems, sizeCalculation: ({ items }) => items.length + 1 });
  }

  /** What is known of a list without asking upstream. */
  async known(key: string, recorded: ListSource<T>['recorded']): Promise<UpstreamList<T> | undefined> {
    const remembered = this.#known.get(key);
    if (remembered !== undefined) return remembered;
    const found = await recorded();
    if (found !== undefined) this.#known.set(key, found);
    return found;
  }

  /** Rejects with RegistryError when upstream cannot be asked and nothing is known. */
  async get(key: string, source: ListSource<T>): Promise<ListAnswer<T>> {
    const { breaker } = source;
    const known = await this.known(key, source.recorded);
    const listed = known?.items;
    const stale = (warning: string, upstreamMs: number): ListAnswer<T> => ({
      listed,
      result: 'stale',
      upstreamMs,
      warning,
    });
    if (breaker.isOffline) {
      const isKnown = known !== undefined || (await source.isPartlyCached());
      if (!isKnown && (await source.emptyWillDo?.()) !== true) throw unknownName(source, offlineError());
      return { listed, result: 'hit', upstreamMs: 0, warning: undefined };
    }
    if (known !== undefined) {
      const { checkedAt, maxAgeMs = freshMs } = known;
      if (isWithin(this.#clock, maxAgeMs, checkedAt))
        return { listed, result: 'hit', upstreamMs: 0, warning: undefined };
      // Only for a list that upstream has given: what is cached besides may be a small part of it.
      if (!breaker.admits) return stale(notAsked, 0);
    }

    const isUnknown = known === undefined && !(await source.isPartlyCached());
    const mustAnswer = isUnknown && (await source.emptyWillDo?.()) !== true;
    const { unknownList, confirmation } = upstreamTimeLimits;
    const limitMs = isUnknown && breaker.admits ? unknownList : confirmation;
    const startedAt = this.#clock.monotonic();
    const upstreamMs = (): number => this.#clock.monotonic() - startedAt;
    const { outcome, joined } = this.#requests.run(key, () => this.#ask(key, source));
    try {
      const first = await (mustAnswer ? outcome : within(this.#clock, limitMs, outcome));
      if (first === elapsed) {
        breaker.timedOut();
        return stale('upstream does not answer in time', upstreamMs());
      }
      const { items, warning, notices } = first;
      const result = warning !== undefined ? 'stale' : joined ? 'joined' : 'miss';
      return { listed: items, result, upstreamMs: upstreamMs(), warning, notices };
    } catch (error) {
      if (!(error instanceof UpstreamError || error instanceof RegistryError)) throw error;
      if (!mustAnswer) return stale(error.message, upstreamMs());
      throw error instanceof RegistryError ? error : unknownName(source, error);
    }
  }

  /** Changes a list that is in memory; nothing, if it is not. */
  amend(key: string, change: (items: readonly T[]) => readonly T[]): void {
    const known = this.#known.peek(key);
    if (known === undefined) return;
    const items = change(known.items);
    if (items !== known.items) this.#known.set(key, { ...known, items });
  }

  async #ask(key: string, source: ListSource<T>): Promise<UpstreamList<T>> {
    const list = await source.ask();
    const { notices: _, ...kept } = list;
    if (list.warning === undefined) this.#known.set(key, kept);
    return list;
  }
}

/** What a client hears of a list that is not known. */
function unknownName(
  { repository: { name } }: Pick<ListSource<unknown>, 'repository'>,
  cause: UpstreamError,
): RegistryError {
  return clientError(cause, () => registryErrors.nameUnknown(name, undefined, { cause }));
}
