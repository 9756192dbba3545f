import type { UpstreamName } from '../../../oci/reference.ts';
import type { MetadataStore } from '../../metadata-store.ts';
import { StoreError } from '../../store-error.ts';
import { Backups } from './backups.ts';
import { CurrentStore } from './current-store.ts';
import { Recovery, type RecoveryOptions } from './recovery.ts';

export interface MendingOptions extends RecoveryOptions {
  /** Told of failures, other than damage, in what nobody waits for: writing down when content was used. */
  readonly onTrouble: (error: StoreError) => void;
}

/** Milliseconds after which a rebuild that failed, for want of room perhaps, is tried again. */
const retryMs = 30_000;

/** Milliseconds between two looks whether the file of the database is still there. */
const lookMs = 60_000;

/** Keeps a metadata database in use: opens it, backs it up, and replaces it when it is damaged. */
export class Mending {
  readonly current = new CurrentStore((store, error) => {
    this.#work = this.#mend(store, error);
  });
  readonly #options: MendingOptions;
  readonly #recovery: Recovery;
  readonly #backups: Backups;
  readonly #closing = new AbortController();
  /** Upstreams that were ever asked with an account, as far as they are known in memory. */
  readonly #guarded = new Set<UpstreamName>();
  /** What goes on in the background; never rejects. */
  #work: Promise<void> = Promise.resolve();
  #search = new AbortController();
  #looking: Promise<void> = Promise.resolve();

  private constructor(options: MendingOptions) {
    this.#options = options;
    this.#recovery = new Recovery(options);
    this.#backups = new Backups({
      ...options,
      onDamage: (error) => {
        const { store } = this.current;
        if (store !== undefined) this.current.report(store, error);
      },
    });
  }

  /** @throws {StoreError} when the database cannot be used for another reason than that it is damaged */
  static async start(options: MendingOptions): Promise<Mending> {
    const mending = new Mending(options);
    mending.#use(await mending.#recovery.open((error) => mending.#note(error)));
    mending.#backups.start();
    mending.#looking = mending.#look();
    return mending;
  }

  noteGuarded(upstreams: readonly UpstreamName[]): void {
    for (const upstream of upstreams) this.#guarded.add(upstream);
  }

  /** Ends all work on the database and closes it. A rebuild that is under way goes on at the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#search.abort();
    await this.#backups.stop();
    await this.#looking;
    await this.#work;
    await this.current.store?.close();
  }

  /** A file that is removed while it is open goes on being written to, and is gone at the next start. SQLite says nothing of it. */
  async #look(): Promise<void> {
    const { files, clock } = this.#options;
    const { signal } = this.#closing;
    while (!signal.aborted) {
      await clock.sleep(lookMs, signal).catch(() => undefined);
      const { store } = this.current;
      if (signal.aborted || store === undefined) continue;
      const isThere = await files.size().then(
        (size) => size !== undefined,
        // A folder that cannot be looked into is another trouble.
        () => true,
      );
      if (!isThere) this.current.report(store, new StoreError('CORRUPT', 'its file was removed'));
    }
  }

  #use(store: MetadataStore): void {
    this.current.store = store;
    this.#search = new AbortController();
    this.#work = this.#recovery.findBlobs(this.#search.signal);
  }

  async #mend(store: MetadataStore, damage: StoreError): Promise<void> {
    this.#search.abort();
    await this.#work;
    // What it could not write down is lost with it.
    await store.close().catch(() => undefined);
    const { signal } = this.#closing;
    for (let reason = damage.message; !signal.aborted;) {
      try {
        const next = await this.#recovery.rebuild(reason, (error) => this.#note(error), signal);
        for (const upstream of this.#guarded) await next.putGuarded(upstream);
        if (!signal.aborted) return this.#use(next);
        await next.close();
      } catch (cause) {
        if (signal.aborted) return;
        reason = cause instanceof Error ? cause.message : String(cause);
        this.#options.logger.error(
          { reason },
          'the metadata database could not be rebuilt; it will be tried again',
        );
        await this.#options.clock.sleep(retryMs, signal).catch(() => undefined);
      }
    }
  }

  /** Trouble that nobody waits for. */
  #note(error: StoreError): void {
    const { store } = this.current;
    if (error.code !== 'CORRUPT') this.#options.onTrouble(error);
    else if (store !== undefined) this.current.report(store, error);
  }
}
