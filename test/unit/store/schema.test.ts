import Database from 'better-sqlite3';
import { afterEach, expect, it } from 'vitest';
import { migrate, migrations } from '../../../src/store/sqlite/schema.ts';

let database = new Database(':memory:');

afterEach(() => {
  database.close();
  database = new Database(':memory:');
});

function version(): unknown {
  return database.pragma('user_version', { simple: true });
}

it('brings an empty database to the newest version, and is done then', () => {
  migrate(database);
  expect(version()).toBe(migrations.length);
  migrate(database);
  expect(version()).toBe(migrations.length);
});

it('takes the steps that are missing, and no other', () => {
  const steps = ['CREATE TABLE one (a)', 'CREATE TABLE two (a)', `INSERT INTO one VALUES ('three')`];
  migrate(database, steps.slice(0, 1));
  database.exec(`INSERT INTO one VALUES ('kept')`);
  migrate(database, steps);
  expect(version()).toBe(3);
  expect(database.prepare('SELECT a FROM one').pluck().all()).toEqual(['kept', 'three']);
});

it('takes a step wholly or not at all', () => {
  const broken = ['CREATE TABLE one (a)', 'CREATE TABLE two (a); CREATE TABLE one (a)'];
  expect(() => migrate(database, broken)).toThrow('already exists');
  expect(version()).toBe(1);
  expect(database.prepare(`SELECT name FROM sqlite_schema WHERE type = 'table'`).pluck().all()).toEqual([
    'one',
  ]);
});

it('brings what the first version wrote along', () => {
  migrate(database, migrations.slice(0, 1));
  database.exec(`
    INSERT INTO repository (upstream, name) VALUES ('docker.io', 'library/busybox');
    INSERT INTO manifest VALUES ('sha256:a', 'type', 'sha256:s', NULL, 1, 1, x'00');
    INSERT INTO upstream_state VALUES ('docker.io', 3, 5, 100, 7, 21600)`);
  migrate(database);
  expect(database.prepare('SELECT name, public_at FROM repository').all()).toEqual([
    { name: 'library/busybox', public_at: null },
  ]);
  expect(database.prepare('SELECT digest FROM manifest WHERE subject = ?').pluck().get('sha256:s')).toBe(
    'sha256:a',
  );
  expect(database.prepare('SELECT pulls_remaining FROM upstream_state').pluck().get()).toBe(7);
});

it('counts what an older version wrote, and gives it its places in the order of eviction', () => {
  migrate(database, migrations.slice(0, 3));
  database.exec(`
    INSERT INTO repository (id, upstream, name) VALUES (1, 'docker.io', 'a'), (2, 'docker.io', 'b'), (3, 'ghcr.io', 'c');
    INSERT INTO manifest VALUES ('m1', 'type', NULL, NULL, 1, 5, x'00'), ('m2', 'type', NULL, NULL, 1, 3, x'00');
    INSERT INTO repository_manifest VALUES (1, 'm1'), (1, 'm2'), (2, 'm1');
    INSERT INTO manifest_blob VALUES ('m1', 'x'), ('m1', 'y'), ('m2', 'y'), ('m2', 'absent');
    INSERT INTO blob VALUES ('x', 10, 1, 7), ('y', 200, 1, 4), ('loose', 3000, 1, 9);
    INSERT INTO repository_blob VALUES
      (1, 'x', 10, NULL), (1, 'y', 200, 8), (1, 'absent', 1, NULL), (2, 'x', 10, NULL), (2, 'y', 200, NULL),
      (3, 'loose', 3000, 8)`);
  migrate(database);
  const rows = (sql: string): unknown => database.prepare(sql).raw().all();
  expect(rows('SELECT * FROM usage')).toEqual([[1, 3, 3210, 2, 9]]);
  expect(rows('SELECT id, bytes FROM repository')).toEqual([
    [1, 210],
    [2, 210],
    [3, 0],
  ]);
  expect(rows('SELECT * FROM upstream_usage')).toEqual([
    ['docker.io', 210],
    ['ghcr.io', 0],
  ]);
  expect(rows('SELECT digest, queue_at FROM manifest ORDER BY queue_at')).toEqual([
    ['m2', 3],
    ['m1', 5],
  ]);
  expect(rows('SELECT digest, queue_at, loose, verified_at FROM blob ORDER BY digest')).toEqual([
    ['loose', 9, 1, null],
    ['x', 7, 0, null],
    ['y', 4, 0, null],
  ]);
  expect(rows('SELECT repository, digest, size, manifests, confirmed_at FROM repository_blob')).toEqual([
    [1, 'absent', 1, 1, null],
    [1, 'x', 10, 1, null],
    [1, 'y', 200, 2, 8],
    [2, 'x', 10, 1, null],
    [2, 'y', 200, 1, null],
    [3, 'loose', 3000, 0, 8],
  ]);
});

it('leaves a database of a newer version alone', () => {
  database.pragma('user_version = 1000');
  expect(() => migrate(database)).toThrow(
    expect.objectContaining({ name: 'StoreError', code: 'NEWER_SCHEMA' }),
  );
  expect(database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()).toBe(0);
});
