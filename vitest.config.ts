import { existsSync, statfsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { defineConfig, type TestProjectInlineConfiguration } from 'vitest/config';

/**
 * Where the many small stores of these tests lie: in memory, if there is enough of it. Whether bytes are flushed in the
 * right order is asked of a disk that fails on command (test/unit/store), and of real disks in test/e2e.
 */
function quickFolder(): { readonly TMPDIR?: string } {
  const memory = '/dev/shm';
  if (process.env['TMPDIR'] !== undefined || !existsSync(memory)) return {};
  const { bavail, bsize } = statfsSync(memory);
  return bavail * bsize > 4 * 2 ** 30 ? { TMPDIR: memory } : {};
}

/** Where the compiled code of threads and processes is kept that tests start: hundreds of them load the same files. */
const compileCache = fileURLToPath(new URL('node_modules/.cache/entrepot-tests', import.meta.url));

/** Tests that share a process with others: they leave nothing behind in it. */
function shared(name: string, timeout: number): TestProjectInlineConfiguration {
  return {
    test: {
      name,
      include: [`test/${name}/**/*.test.ts`],
      isolate: false,
      env: { ...quickFolder(), NODE_COMPILE_CACHE: compileCache },
      testTimeout: timeout,
      hookTimeout: timeout,
    },
  };
}

export default defineConfig({
  test: {
    // Many tests wait for sockets, processes and disks: with more workers than cores others run meanwhile.
    maxWorkers: '200%',
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      reporter: ['text-summary', 'html'],
      thresholds: { statements: 92, branches: 88, functions: 93, lines: 93 },
    },
    projects: [
      shared('unit', 120_000),
      shared('contract', 120_000),
      shared('integration', 120_000),
      shared('fuzz', 240_000),
      { test: { name: 'model', include: ['test/model/**/*.test.ts'], testTimeout: 900_000 } },
      { test: { name: 'soak', include: ['test/soak/**/*.test.ts'], testTimeout: 900_000 } },
      {
        test: {
          name: 'e2e',
          include: ['test/e2e/**/*.test.ts'],
          globalSetup: ['test/e2e/support/requirements.ts'],
          testTimeout: 180_000,
          hookTimeout: 120_000,
          fileParallelism: false,
        },
      },
    ],
  },
});
