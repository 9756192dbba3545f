import { globSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { entries } from '../../rolldown.config.ts';

const root = fileURLToPath(new URL('../..', import.meta.url));

describe('a release', () => {
  test('has a file for each thread that the source starts', () => {
    const threads = globSync('src/**/*-worker.ts', { cwd: root });
    expect(threads).not.toEqual([]);
    expect(entries.toSorted()).toEqual(['src/main.ts', ...threads].toSorted());
  });
});
