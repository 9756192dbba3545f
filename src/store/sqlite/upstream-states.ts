import type Database from 'better-sqlite3';
import type { UpstreamName } from '../../oci/reference.ts';
import type { UpstreamState } from '../metadata-store.ts';

interface Row {
  readonly failures: number;
  readonly retry_at: number;
  readonly pull_limit: number | null;
  readonly pulls_remaining: number | null;
  readonly window_seconds: number | null;
}

/** Null leaves a column as it is. */
type Update = { readonly upstream: string } & { readonly [column in keyof Row]: number | null };

/** The state of upstreams. Several writers share a row, each with columns of its own. */
export class UpstreamStates {
  readonly #sql;

  constructor(database: Database.Database) {
    this.#sql = {
      select: database.prepare<[string], Row>(
        `SELECT failures, retry_at, pull_limit, pulls_remaining, window_seconds FROM upstream_state WHERE upstream = ?`,
      ),
      upsert: database.prepare<[Update]>(`
        INSERT INTO upstream_state (upstream, failures, retry_at, pull_limit, pulls_remaining, window_seconds)
        VALUES (
          @upstream, coalesce(@failures, 0), coalesce(@retry_at, 0), @pull_limit, @pulls_remaining, @window_seconds
        )
        ON CONFLICT DO UPDATE SET
          failures = coalesce(@failures, failures),
          retry_at = coalesce(@retry_at, retry_at),
          pull_limit = coalesce(@pull_limit, pull_limit),
          pulls_remaining = coalesce(@pulls_remaining, pulls_remaining),
          window_seconds = coalesce(@window_seconds, window_seconds)`),
      selectGuarded: database.prepare<[], { readonly upstream: UpstreamName }>(
        `SELECT upstream FROM guarded_upstream ORDER BY upstream`,
      ),
      insertGuarded: database.prepare<[UpstreamName]>(
        `INSERT INTO guarded_upstream (upstream) VALUES (?) ON CONFLICT DO NOTHING`,
      ),
    };
  }

  get(upstream: UpstreamName): UpstreamState | undefined {
    const row = this.#sql.select.get(upstream);
    if (row === undefined) return undefined;
    return {
      failures: row.failures,
      retryAt: row.retry_at,
      limit: row.pull_limit ?? undefined,
      remaining: row.pulls_remaining ?? undefined,
      window: row.window_seconds ?? undefined,
    };
  }

  guarded(): readonly UpstreamName[] {
    return this.#sql.selectGuarded.all().map(({ upstream }) => upstream);
  }

  guard(upstream: UpstreamName): void {
    this.#sql.insertGuarded.run(upstream);
  }

  /** Writes what is given, and leaves alone what is not. */
  put(upstream: UpstreamName, { failures, retryAt, limit, remaining, window }: Partial<UpstreamState>): void {
    this.#sql.upsert.run({
      upstream,
      failures: failures ?? null,
      retry_at: retryAt ?? null,
      pull_limit: limit ?? null,
      pulls_remaining: remaining ?? null,
      window_seconds: window ?? null,
    });
  }
}
