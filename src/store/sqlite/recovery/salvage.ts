import type Database from 'better-sqlite3';
import type { Digest } from '../../../oci/digest.ts';
import { readManifest } from '../../../oci/manifest.ts';
import type { Tag } from '../../../oci/reference.ts';
import { digestKeys, nameKeys, type DamagedDatabase, type Row } from './damaged-database.ts';
import { NewRows } from './new-rows.ts';
import { rowReaders, type RowReaders } from './salvaged-rows.ts';

/** Highest number of a row that is looked for where the file does not say which one is the highest. */
const farAway = 2 ** 31;

const checkedAt = 'checked_at AS checkedAt';

/** What salvage could not do. */
export interface Losses {
  /** Rows that were read and are not what was written. */
  rejected: number;
  /** Places in the files whose rows could not be read. */
  gaps: number;
}

/** A tag that upstream does not have. */
export interface AbsentTag {
  /** The id of its row in the new database. */
  readonly repository: number;
  readonly name: Tag;
  /** Of the manifest that it is named after. */
  readonly digest: Digest;
  readonly checkedAt: number;
}

/**
 * Copies all readable rows of one database into another, and checks each: manifests hash to their digest,
 * names and digests parse, references resolve. Existing rows of the new database stay.
 */
export class Salvage {
  readonly #source: DamagedDatabase;
  readonly #rows: NewRows;
  readonly #read: RowReaders;
  readonly #losses: Losses;
  /** Ids of repositories: those of the source, with those of the new database. */
  readonly #repositories = new Map<number, number>();

  /** @param database new; of the schema that {@link NewRows} writes */
  constructor(source: DamagedDatabase, database: Database.Database, now: number, losses: Losses) {
    this.#source = source;
    this.#rows = new NewRows(database);
    this.#read = rowReaders(now);
    this.#losses = losses;
  }

  /** Says whether all of the guarded upstreams could be read. */
  run(): boolean {
    this.#copyRepositories();
    this.#copyManifests();
    if (this.#source.gaps > 0) this.#copyRepositoriesByIndex();
    for (const [from, to] of this.#repositories) this.#copyRepository(from, to);
    if (this.#source.gaps > 0) this.#copyByIndexes();
    const columns = [
      'failures',
      'retry_at AS retryAt',
      'pull_limit AS "limit"',
      'pulls_remaining AS remaining',
      'window_seconds AS window',
    ];
    for (const row of this.#ofUpstreams('upstream_state', columns)) {
      const state = this.#checked(this.#read.upstreamState(row));
      if (state !== undefined) this.#rows.sql.insertUpstreamState.run(state);
    }
    return this.#copyGuarded();
  }

  /** Pins, which {@link run} leaves out: their table is younger than the schema that it writes. */
  pins(): readonly { readonly pattern: string; readonly createdAt: number }[] {
    const rows = this.#byText('pin', 'pattern', ['pattern', 'created_at AS createdAt'], 'TRUE');
    return [...rows].flatMap((row) => this.#checked(this.#read.pin(row)) ?? []);
  }

  /** Tags that upstream does not have, which {@link run} leaves out as well. */
  absentTags(): readonly AbsentTag[] {
    const columns = ['name', 'subject AS digest', checkedAt];
    return [...this.#repositories].flatMap(([from, repository]) =>
      [...this.#ofRepository('absent_tag', 'name', columns, from)].flatMap((row) => {
        const absent = this.#checked(this.#read.tag(row));
        return absent === undefined ? [] : { repository, ...absent };
      }),
    );
  }

  #copyRepositories(): void {
    const columns = this.#source.columns('repository');
    if (columns.size === 0) return;
    const publicAt = `${columns.has('public_at') ? 'public_at' : 'NULL'} AS publicAt`;
    const select = this.#source.numbers(
      `SELECT id AS key, upstream, name, ${publicAt} FROM repository WHERE id BETWEEN @from AND @to ORDER BY id LIMIT @limit`,
    );
    for (const row of this.#source.byNumber(select, this.#highest('SELECT max(id) FROM repository'))) {
      const repository = this.#checked(this.#read.repository(row));
      if (repository === undefined) continue;
      this.#repositories.set(Number(row['key']), this.#rows.repository(repository));
    }
  }

  /** Names are in an index, too, maybe intact where the table is not. It does not say what is public. */
  #copyRepositoriesByIndex(): void {
    for (let upstream = ''; ;) {
      const next = this.#source.one(
        `SELECT upstream FROM repository WHERE upstream > @after ORDER BY upstream LIMIT 1`,
        { after: upstream },
      );
      if (typeof next !== 'string' || next <= upstream) return;
      upstream = next;
      const select = this.#source.text(
        `SELECT name AS key, id, upstream, name, NULL AS publicAt FROM repository
        WHERE upstream = @upstream AND name >= @from AND name < @to ORDER BY name LIMIT @limit`,
        { upstream },
      );
      for (const row of this.#source.byText(select, nameKeys)) {
        const repository = this.#checked(this.#read.repository(row));
        const id = row['id'];
        if (repository === undefined || typeof id !== 'number' || this.#repositories.has(id)) continue;
        this.#repositories.set(id, this.#rows.repository(repository));
      }
    }
  }

  /** Repositories and tags of a manifest are in indexes, too; but not when upstream last confirmed a tag. */
  #copyByIndexes(): void {
    const holders = this.#source.all(
      `SELECT repository FROM repository_manifest INDEXED BY repository_manifest_by_digest WHERE digest = @digest`,
    );
    const tags = this.#source.all(
      `SELECT name, digest, 0 AS checkedAt FROM tag INDEXED BY tag_by_manifest
      WHERE repository = @repository AND digest = @digest`,
    );
    for (const digest of this.#rows.sql.manifests.all()) {
      for (const { repository } of holders({ digest })) {
        const to = this.#repositories.get(Number(repository));
        if (to === undefined || !this.#hold(to, digest)) continue;
        for (const row of tags({ repository, digest })) {
          const tag = this.#read.tag(row);
          if (tag !== undefined) this.#rows.sql.insertTag.run({ repository: to, ...tag });
        }
      }
    }
  }

  #copyManifests(): void {
    if (this.#source.columns('manifest').size === 0) return;
    const select = this.#source.numbers(`
      SELECT rowid AS key, digest, media_type AS mediaType, created_at AS createdAt, last_used_at AS lastUsedAt, bytes
      FROM manifest WHERE rowid BETWEEN @from AND @to ORDER BY rowid LIMIT @limit`);
    for (const row of this.#source.byNumber(select, this.#highest('SELECT max(rowid) FROM manifest'))) {
      const manifest = this.#checked(this.#read.manifest(row));
      if (manifest !== undefined) this.#rows.manifest(manifest);
    }
  }

  #copyRepository(from: number, repository: number): void {
    const { sql } = this.#rows;
    for (const row of this.#ofRepository('repository_manifest', 'digest', ['digest'], from)) {
      const held = this.#checked(this.#read.digest(row));
      if (held !== undefined && !this.#hold(repository, held.digest)) this.#losses.rejected += 1;
    }
    for (const row of this.#ofRepository('tag', 'name', ['name', 'digest', checkedAt], from)) {
      const tag = this.#checked(this.#read.tag(row));
      if (tag !== undefined && sql.insertTag.run({ repository, ...tag }).changes === 0)
        this.#losses.rejected += 1;
    }
    const rightColumns = ['digest', 'size', 'confirmed_at AS confirmedAt'];
    for (const row of this.#ofRepository('repository_blob', 'digest', rightColumns, from)) {
      // The others follow from manifests.
      if (row['confirmedAt'] === null) continue;
      const right = this.#checked(this.#read.right(row));
      if (right !== undefined) sql.insertRight.run({ repository, ...right });
    }
    for (const row of this.#ofRepository(
      'referrers',
      'subject',
      ['subject', checkedAt, 'descriptors'],
      from,
    )) {
      const list = this.#checked(this.#read.referrers(row));
      if (list !== undefined) sql.insertReferrers.run({ repository, ...list });
    }
  }

  /** Stores that a repository holds a manifest, with its blobs. False where the manifest is lost. */
  #hold(repository: number, manifest: Digest): boolean {
    const bytes = this.#rows.sql.bytesOf.get(manifest);
    if (bytes !== undefined) this.#rows.holding(repository, manifest, readManifest(bytes).blobs);
    return bytes !== undefined;
  }

  /** Returns whether all could be read. A damaged or older schema may lack the table. */
  #copyGuarded(): boolean {
    const gaps = this.#source.gaps;
    for (const row of this.#ofUpstreams('guarded_upstream', [])) {
      const guarded = this.#checked(this.#read.upstream(row));
      if (guarded !== undefined) this.#rows.sql.insertGuarded.run(guarded);
    }
    // Only where there is an account is it written down what everybody may read.
    this.#rows.sql.guardKnownToBePublic.run();
    return this.#source.columns('guarded_upstream').size > 0 && this.#source.gaps === gaps;
  }

  #ofUpstreams(table: string, columns: readonly string[]): Iterable<Row> {
    return this.#byText(table, 'upstream', ['upstream', ...columns], 'TRUE');
  }

  #ofRepository(table: string, key: string, columns: readonly string[], repository: number): Iterable<Row> {
    return this.#byText(table, key, columns, 'repository = @repository', { repository });
  }

  /** Rows in the order of a key that is a text; none where there is no such table. */
  #byText(
    table: string,
    key: string,
    columns: readonly string[],
    condition: string,
    parameters?: Row,
  ): Iterable<Row> {
    if (this.#source.columns(table).size === 0) return [];
    const select = this.#source.text(
      `SELECT ${[`${key} AS key`, ...columns].join(', ')} FROM ${table}
      WHERE ${condition} AND ${key} >= @from AND ${key} < @to ORDER BY ${key} LIMIT @limit`,
      parameters,
    );
    return this.#source.byText(select, key === 'digest' || key === 'subject' ? digestKeys : nameKeys);
  }

  #highest(sql: string): number {
    const highest = this.#source.one(sql);
    if (highest === null) return 0;
    return typeof highest === 'number' && highest <= farAway ? highest : farAway;
  }

  #checked<T>(row: T | undefined): T | undefined {
    if (row === undefined) this.#losses.rejected += 1;
    return row;
  }
}
