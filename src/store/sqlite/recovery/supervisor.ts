import { pause } from '../../../base/clock.ts';
import { StoreError } from '../../store-error.ts';
import { MetadataDatabase } from '../metadata-database.ts';
import type { OpenDatabase } from '../open-database.ts';
import { Backups } from './backups.ts';
import { Recovery, type RecoveryDeps } from './recovery.ts';

interface SupervisorDeps extends RecoveryDeps {
  /** Told of failures, other than damage, to write last uses. */
  readonly onTrouble: (error: StoreError) => void;
}

/** Milliseconds before a failed rebuild is tried again. */
const retryMs = 30_000;

/** Milliseconds between checks that the database file still exists. */
const lookMs = 60_000;

/** Keeps a metadata database in use: opens it, backs it up, and replaces it when it is damaged. */
export class Supervisor {
  readonly database = new MetadataDatabase((damaged, error) => {
    this.#work = this.#replace(damaged, error);
  });
  readonly #deps: SupervisorDeps;
  readonly #recovery: Recovery;
  readonly #backups: Backups;
  readonly #closing = new AbortController();
  /** What goes on in the background; never rejects. */
  #work: Promise<void> = Promise.resolve();
  #search = new AbortController();
  #looking: Promise<void> = Promise.resolve();

  private constructor(deps: SupervisorDeps) {
    this.#deps = deps;
    this.#recovery = new Recovery(deps);
    this.#backups = new Backups({ ...deps, onDamage: (error) => this.#report(error) });
  }

  /** @throws {StoreError} when the database cannot be used for another reason than that it is damaged */
  static async start(deps: SupervisorDeps): Promise<Supervisor> {
    const supervisor = new Supervisor(deps);
    supervisor.#use(await supervisor.#recovery.open((error) => supervisor.#note(error)));
    supervisor.#backups.start();
    supervisor.#looking = supervisor.#look();
    return supervisor;
  }

  /** Ends all work on the database and closes it. A rebuild that is under way goes on at the next start. */
  async close(): Promise<void> {
    this.#closing.abort();
    this.#search.abort();
    await this.#backups.stop();
    await this.#looking;
    await this.#work;
    await this.database.close();
  }

  /** A file removed while open stays writable, and is gone at the next start. SQLite does not notice. */
  async #look(): Promise<void> {
    const { files, clock } = this.#deps;
    const { signal } = this.#closing;
    while (await pause(clock, lookMs, signal)) {
      const { current } = this.database;
      if (current === undefined) continue;
      const isThere = await files.size().then(
        (size) => size !== undefined,
        // A folder that cannot be looked into is another trouble.
        () => true,
      );
      if (!isThere) this.database.report(current, new StoreError('CORRUPT', 'its file was removed'));
    }
  }

  #use(database: OpenDatabase): void {
    this.database.use(database);
    this.#search = new AbortController();
    this.#work = this.#recovery.findBlobs(this.#search.signal);
  }

  async #replace(damaged: OpenDatabase, damage: StoreError): Promise<void> {
    this.#search.abort();
    await this.#work;
    // What it could not write down is lost with it.
    await damaged.close().catch(() => undefined);
    const { signal } = this.#closing;
    for (let reason = damage.message; !signal.aborted;) {
      try {
        const next = await this.#recovery.rebuild(reason, (error) => this.#note(error), signal);
        const { guarded } = this.database;
        next.connection.transact(() => guarded.forEach((upstream) => next.upstreams.guard(upstream)));
        if (!signal.aborted) return this.#use(next);
        await next.close();
      } catch (cause) {
        if (signal.aborted) return;
        reason = cause instanceof Error ? cause.message : String(cause);
        this.#deps.logger.error(
          { reason },
          'the metadata database could not be rebuilt; it will be tried again',
        );
        await pause(this.#deps.clock, retryMs, signal);
      }
    }
  }

  /** A failure that no caller waits for. */
  #note(error: StoreError): void {
    if (error.code === 'CORRUPT') this.#report(error);
    else this.#deps.onTrouble(error);
  }

  #report(error: StoreError): void {
    const { current } = this.database;
    if (current !== undefined) this.database.report(current, error);
  }
}
