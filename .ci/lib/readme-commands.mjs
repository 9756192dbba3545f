// Runs, word for word, the `sh` block that follows `<!-- ci: test -->` in the file named: what the README tells people
// to type must work.
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

const [file] = process.argv.slice(2);
const block = /<!-- ci: test -->\s*```sh\n(?<commands>[^]*?)```/u.exec(readFileSync(file, 'utf8'));
if (block === null) {
  console.error(`${file} has no sh block after <!-- ci: test -->`);
  process.exit(1);
}
const { commands } = block.groups;
console.log(commands.trimEnd());
const { status } = spawnSync('sh', ['-e', '-c', commands], { stdio: ['ignore', 'inherit', 'inherit'] });
process.exit(status ?? 1);
