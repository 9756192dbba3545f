import { basename } from 'node:path';
import { defineConfig } from 'rolldown';

/** What a process or a thread starts with. */
export const entries: readonly string[] = [
  'src/main.ts',
  'src/http/auth/bcrypt-worker.ts',
  'src/store/filesystem/hash-worker.ts',
  'src/store/sqlite/checkpoint-worker.ts',
  'src/store/sqlite/recovery/database-worker.ts',
];

/**
 * A release is a few files in one folder: to find, read and compile the six hundred modules of a server one by one takes
 * most of its start. Threads find their files beside the code that starts them.
 */
export default defineConfig({
  cwd: import.meta.dirname,
  input: Object.fromEntries(entries.map((file) => [basename(file, '.ts'), file])),
  platform: 'node',
  // A native module: it stays where npm has put it.
  external: ['better-sqlite3'],
  // For jsonc-parser: what it has for Node.js loads its parts in a way that no bundler can follow.
  resolve: { mainFields: ['module', 'main'] },
  output: {
    dir: 'dist',
    cleanDir: true,
    chunkFileNames: '[name].js',
    sourcemap: true,
    // The text of a program stays in memory for as long as it runs; with one character beyond Latin-1 in a file, V8 keeps
    // two bytes for each of its characters.
    charset: 'ascii',
    comments: { legal: true, annotation: false, jsdoc: false },
  },
});
