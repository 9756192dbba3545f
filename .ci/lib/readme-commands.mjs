// Runs, word for word, the `sh` block that follows `<!-- ci: test -->` in the file named: what the README tells people
// to type must work. Of what it prints only the end is shown, unless it fails: the steps before have shown the same tests.
import { spawnSync } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const shownLines = 15;

const [file] = process.argv.slice(2);
const block = /<!-- ci: test -->\s*```sh\n(?<commands>[^]*?)```/u.exec(readFileSync(file, 'utf8'));
if (block === null) {
  console.error(`${file} has no sh block after <!-- ci: test -->`);
  process.exit(1);
}
const { commands } = block.groups;
console.log(commands.trimEnd());

const folder = mkdtempSync(join(tmpdir(), 'readme-'));
try {
  // A file, not a pipe: its size is bounded by nothing, and the order of both streams is kept.
  const path = join(folder, 'output');
  const output = openSync(path, 'a');
  // As a user's machine has it: with CI, random tests take their long form, which has been run before.
  const { CI, ...env } = process.env;
  const { status } = spawnSync('sh', ['-e', '-c', commands], { env, stdio: ['ignore', output, output] });
  closeSync(output);
  const lines = readFileSync(path, 'utf8').trimEnd().split('\n');
  const left = status === 0 ? Math.max(0, lines.length - shownLines) : 0;
  if (left > 0) console.log(`[${left} lines left out]`);
  console.log(lines.slice(left).join('\n'));
  process.exitCode = status ?? 1;
} finally {
  rmSync(folder, { recursive: true });
}
