import type Database from 'better-sqlite3';
import type { Scope, StoreUsage } from '../../evictions.ts';

/** Cached bytes and counts, kept by triggers of the schema; those of the whole store in the table `usage`. */
export class Accounts {
  readonly #database: Database.Database;
  readonly #sql;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#sql = {
      usage: database.prepare<[], { blobs: number; bytes: number; manifests: number }>(
        `SELECT blobs, bytes, manifests FROM usage`,
      ),
      ofUpstream: database.prepare<[upstream: string], { bytes: number }>(
        `SELECT bytes FROM upstream_usage WHERE upstream = ?`,
      ),
      ofRepository: database.prepare<[upstream: string, name: string], { bytes: number }>(
        `SELECT bytes FROM repository WHERE upstream = ? AND name = ?`,
      ),
    };
  }

  usage(): StoreUsage {
    const held = this.#sql.usage.get() ?? { blobs: 0, bytes: 0, manifests: 0 };
    return { ...held, databaseBytes: this.#databaseBytes() };
  }

  /** Bytes of the distinct held blobs that manifests of the scope name; without one, of all blobs. */
  bytes(scope: Scope | undefined): number {
    if (scope === undefined) return this.#sql.usage.get()?.bytes ?? 0;
    const { upstream, name } = scope;
    const row =
      name === undefined ? this.#sql.ofUpstream.get(upstream) : this.#sql.ofRepository.get(upstream, name);
    return row?.bytes ?? 0;
  }

  #databaseBytes(): number {
    const pragma = (name: string) => Number(this.#database.pragma(name, { simple: true }));
    return (pragma('page_count') - pragma('freelist_count')) * pragma('page_size');
  }
}
