import Database from 'better-sqlite3';
import { expect, it } from 'vitest';
import { EvictionTables } from '../../../src/store/sqlite/eviction/eviction-tables.ts';
import { Positions } from '../../../src/store/sqlite/positions.ts';
import { migrate } from '../../../src/store/sqlite/schema.ts';
import { LastUsedBatch } from '../../../src/store/sqlite/last-used.ts';
import { LastUsedWriter } from '../../../src/store/sqlite/last-used-writer.ts';
import { TestClock } from '../../support/test-clock.ts';

/** Tables of one row, and one of which nothing but the first rows are asked for. */
const small = new Set(['SCAN usage', 'SCAN condemned']);

it('asks for nothing without an index, so that an eviction costs what it removes', () => {
  const clock = new TestClock();
  const database = new Database(':memory:');
  migrate(database);
  const statements: string[] = [];
  const prepare = database.prepare.bind(database);
  database.prepare = (sql: string) => {
    statements.push(sql);
    return prepare(sql);
  };
  const positions = new Positions(database, clock);
  const writer = new LastUsedWriter(database, positions, clock);
  const batch = new LastUsedBatch(
    clock,
    positions,
    (uses) => writer.write(uses),
    () => undefined,
  );
  expect(new EvictionTables(database, clock, positions, batch)).toBeDefined();
  expect(statements.length).toBeGreaterThan(30);
  for (const sql of statements) {
    const plan = prepare<unknown[], { detail: string }>(
      `EXPLAIN QUERY PLAN ${sql.replaceAll(/@\w+|\?/g, '@any')}`,
    );
    const steps = plan.all({ any: 1 }).map(({ detail }) => detail);
    const scans = steps.filter((step) => /^SCAN \w/.test(step) && !small.has(step));
    expect(scans, sql).toEqual([]);
  }
});
