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

it('leaves a database of a newer version alone', () => {
  database.pragma('user_version = 1000');
  expect(() => migrate(database)).toThrow(
    expect.objectContaining({ name: 'StoreError', code: 'NEWER_SCHEMA' }),
  );
  expect(database.prepare('SELECT count(*) FROM sqlite_schema').pluck().get()).toBe(0);
});
