import { execFile } from 'node:child_process';
import { createHash } from 'node:crypto';
import { cp, mkdir, mkdtempDisposable, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs, promisify } from 'node:util';
import { z } from 'zod';
import manifest from '../package.json' with { type: 'json' };

const run = promisify(execFile);
const root = join(import.meta.dirname, '..');

const { values: options } = parseArgs({
  options: { into: { type: 'string', default: join(root, 'release') } },
});

/** The one dependency that is not in the bundle: it has a native part. */
const native = 'better-sqlite3';

const { name, version } = manifest;

const bomSchema = z.looseObject({
  metadata: z.looseObject({ component: z.looseObject({ name: z.string() }) }),
});

async function output(command: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await run(command, args, { cwd: root, maxBuffer: 64 * 2 ** 20 });
  return stdout.trim();
}

/** What keeps this commit from being the release that its version says; none if it may be. */
async function objections(): Promise<readonly string[]> {
  const changelog = await readFile(join(root, 'CHANGELOG.md'), 'utf8');
  const unreleased = /^## \[Unreleased\]\n(?<changes>[^]*?)^## /mu.exec(changelog)?.groups?.['changes'] ?? '';
  const tagged = await output('git', 'rev-parse', '--quiet', '--verify', `v${version}^{commit}`).catch(
    () => '',
  );
  const head = await output('git', 'rev-parse', 'HEAD');
  return [
    (await output('git', 'status', '--porcelain')) !== '' && 'there are uncommitted changes',
    unreleased.trim() !== '' &&
      'CHANGELOG.md has changes under [Unreleased]: move them to a dated section, or to a later release',
    !new RegExp(String.raw`^## \[${RegExp.escape(version)}\] - \d{4}-\d\d-\d\d$`, 'mu').test(changelog) &&
      `CHANGELOG.md has no dated section for ${version}`,
    tagged !== '' && tagged !== head && `the tag v${version} is on another commit`,
  ].filter((objection) => objection !== false);
}

/** Lays out what a release has: the bundle, SQLite, the documentation; nothing has to be installed to run it. */
async function stage(folder: string): Promise<void> {
  const { type, description, license, bin, engines } = manifest;
  const dependencies = { [native]: manifest.dependencies[native] };
  await writeFile(
    join(folder, 'package.json'),
    `${JSON.stringify({ name, version, description, license, type, bin, engines, dependencies, bundleDependencies: [native] }, null, 2)}\n`,
  );
  for (const each of ['dist', 'docs', 'config', 'README.md', 'CHANGELOG.md', 'SECURITY.md', 'LICENSE']) {
    await cp(join(root, each), join(folder, each), { recursive: true });
  }
  for (const part of ['package.json', 'LICENSE', 'lib', 'prebuilds']) {
    const path = join('node_modules', native, part);
    await cp(join(root, path), join(folder, path), { recursive: true });
  }
}

/** `SHA256SUMS`, as `sha256sum --check` reads it. */
async function checksums(folder: string, files: readonly string[]): Promise<string> {
  const lines = files.map(async (file) => {
    const hash = createHash('sha256').update(await readFile(join(folder, file)));
    return `${hash.digest('hex')}  ${file}\n`;
  });
  return (await Promise.all(lines)).join('');
}

/** CycloneDX, of what is in the bundle. */
async function billOfMaterials(): Promise<string> {
  const printed = await output(
    'npm',
    'sbom',
    '--package-lock-only',
    '--sbom-format=cyclonedx',
    '--sbom-type=application',
    '--omit=dev',
    '--omit=optional',
  );
  const bom = bomSchema.parse(JSON.parse(printed));
  // npm names it after the folder of the checkout.
  bom.metadata.component.name = name;
  return `${JSON.stringify(bom, null, 2)}\n`;
}

async function release(): Promise<readonly string[]> {
  await output('npm', 'run', '--silent', 'build');
  await rm(options.into, { recursive: true, force: true });
  await mkdir(options.into, { recursive: true });
  await using staging = await mkdtempDisposable(join(tmpdir(), `${name}-`));
  await stage(staging.path);
  await output('npm', 'pack', '--silent', '--pack-destination', options.into, staging.path);
  const archive = `${name}-${version}.tgz`;
  const bom = `${name}-${version}.cdx.json`;
  await writeFile(join(options.into, bom), await billOfMaterials());
  await writeFile(join(options.into, 'SHA256SUMS'), await checksums(options.into, [archive, bom]));
  return [archive, bom, 'SHA256SUMS'];
}

const problems = await objections();
if (problems.length > 0) {
  process.stderr.write(
    `${name} ${version} cannot be released:\n${problems.map((each) => `- ${each}\n`).join('')}`,
  );
  process.exitCode = 1;
} else {
  const files = await release();
  process.stdout.write(
    `${name} ${version} is in ${options.into}: ${files.join(', ')}\nWhen .ci/run has passed on this commit:\n` +
      `  git tag -s v${version} -m "${name} ${version}" && git push origin v${version}\n`,
  );
}
