import { isBuiltin } from 'node:module';
import { basename } from 'node:path';
import { defineConfig, type Plugin } from 'rolldown';

/** What a process or a thread starts with. */
export const entries: readonly string[] = [
  'src/main.ts',
  'src/http/auth/bcrypt-worker.ts',
  'src/store/filesystem/hash-worker.ts',
  'src/store/sqlite/checkpoint-worker.ts',
  'src/store/sqlite/database-worker.ts',
];

/**
 * An import asks a module of Node.js for everything that it exports, also for what is made when it is first asked for:
 * `node:http` would load a copy of undici, for a WebSocket that nobody uses, `node:crypto` the Web Crypto API. That is 50 ms of a start.
 * Here each export is a statement without effects, as far as the bundler knows, and left out where nobody wants it.
 */
const onlyWhatIsUsed: Plugin = {
  name: 'only-what-is-used',
  resolveId: (id, _importer, { kind }) =>
    kind === 'import-statement' && isBuiltin(id) ? `\0${id.replace(/^node:/, '')}` : null,
  load: (id) => {
    const name = id.slice(1);
    if (!id.startsWith('\0') || !isBuiltin(name)) return null;
    const names = Object.keys(process.getBuiltinModule(name) ?? {}).filter(
      (property) => property !== 'default',
    );
    return [
      `const all = process.getBuiltinModule('node:${name}');`,
      'export default all;',
      ...names.map((property, index) => `const _${index} = /* @__PURE__ */ (() => all.${property})();`),
      `export { ${names.map((property, index) => `_${index} as ${property}`).join(', ')} };`,
    ].join('\n');
  },
};

/**
 * A release is a few files in one folder: to find, read and compile the six hundred modules of a server one by one takes
 * most of its start. Threads find their files beside the code that starts them.
 */
export default defineConfig({
  cwd: import.meta.dirname,
  input: Object.fromEntries(entries.map((file) => [basename(file, '.ts'), file])),
  platform: 'node',
  // `engines.node` of package.json.
  transform: { target: 'node24' },
  // A native module: it stays where npm has put it.
  external: ['better-sqlite3'],
  // For jsonc-parser: what it has for Node.js loads its parts in a way that no bundler can follow.
  resolve: { mainFields: ['module', 'main'] },
  plugins: [onlyWhatIsUsed],
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
