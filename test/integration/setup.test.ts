import { chmod, mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../src/cli/program.ts';
import { entrepot } from '../support/cli.ts';
import { selfSigned } from '../support/self-signed.ts';
import { TempFolder } from '../support/temp-folder.ts';

const mirror = ['--mirror', 'http://mirror.lan:5000'];

/** Runs the real program to its end. */
async function runProcess(folder: TempFolder, ...args: readonly string[]) {
  await using child = entrepot(['setup', ...args], folder.path);
  const { code } = await child.exited();
  return { code, out: child.stdout, err: child.stderr };
}

/** The same within this process, which is faster. */
async function run(...args: readonly string[]) {
  let out = '';
  let err = '';
  const code = await runProgram(['setup', ...args], {
    out: (text) => void (out += text),
    err: (text) => void (err += text),
    interactive: false,
  });
  return { code, out, err };
}

async function machineWith(daemonJson: string): Promise<TempFolder> {
  const folder = await TempFolder.create();
  await mkdir(folder.join('etc', 'docker'), { recursive: true });
  await writeFile(folder.join('etc', 'docker', 'daemon.json'), daemonJson);
  return folder;
}

describe('entrepot setup', () => {
  it('writes, says what it wrote and what to do next, and takes it back to the byte', async () => {
    const before = '{"debug" : true}';
    await using folder = await machineWith(before);
    const file = folder.join('etc', 'docker', 'daemon.json');
    const there = ['--root', folder.path];
    const onlyHub = ['--upstream', 'docker.io'];

    const applied = await runProcess(folder, 'docker', ...mirror, ...onlyHub, '--apply', ...there);
    expect(applied).toEqual({
      code: 0,
      out: `changed   ${file}  (backup: daemon.json.entrepot-backup)

# Then:
#   systemctl reload docker   # running containers are not disturbed
#   docker info --format '{{json .RegistryConfig.Mirrors}}'
`,
      err: '',
    });
    expect(JSON.parse(await readFile(file, 'utf8'))).toMatchObject({
      debug: true,
      'registry-mirrors': ['http://mirror.lan:5000'],
    });
    expect(await run('docker', ...mirror, ...onlyHub, '--apply', ...there)).toMatchObject({
      code: 0,
      out: 'Already set up; nothing was written.\n',
    });

    expect(await run('docker', '--undo', ...there)).toEqual({
      code: 0,
      out: `restored  ${file}\n\nRestart or reload the client, as after --apply.\n`,
      err: '',
    });
    expect(await readFile(file, 'utf8')).toBe(before);
    expect(await readdir(folder.join('etc', 'docker'))).toEqual(['daemon.json']);
    expect(await run('docker', '--undo', ...there)).toMatchObject({
      code: 0,
      out: 'Nothing to undo.\n',
    });
  });

  it('keeps a byte order mark in what it writes, and takes its part back to the byte', async () => {
    const before = '\uFEFF{\n  "debug": true\n}\n';
    await using folder = await machineWith(before);
    const file = folder.join('etc', 'docker', 'daemon.json');
    const there = ['--root', folder.path];

    expect(await run('docker', ...mirror, '--apply', ...there)).toMatchObject({ code: 0, err: '' });
    const written = await readFile(file, 'utf8');
    expect(written.startsWith('\uFEFF')).toBe(true);
    expect(JSON.parse(written.slice(1))).toMatchObject({ 'registry-mirrors': ['http://mirror.lan:5000'] });
    // Somebody changes it since: not only the backup keeps the mark.
    await writeFile(file, written.replace('"debug": true', '"debug": false'));
    expect(await run('docker', '--undo', ...there)).toMatchObject({ code: 0, err: '' });
    expect(await readFile(file, 'utf8')).toBe(before.replace('true', 'false'));
  });

  it('leaves a file of others as it is, and says what to change there by hand', async () => {
    await using folder = await TempFolder.create();
    const file = folder.join('etc', 'containerd', 'config.toml');
    await mkdir(folder.join('etc', 'containerd'), { recursive: true });
    const before = 'version = 2\nplugins = { "io.containerd.grpc.v1.cri" = { sandbox_image = "pause" } }\n';
    await writeFile(file, before);

    const answer = await run('containerd', ...mirror, '--apply', '--root', folder.path);

    expect(answer).toMatchObject({ code: 0, err: '' });
    expect(answer.out).toContain(
      `created   ${folder.join('etc', 'containerd', 'certs.d', 'ghcr.io', 'hosts.toml')}\n`,
    );
    expect(answer.out).toContain(
      `\n# By hand, since these files are not Entrepot's:\n#   ${file}: set config_path = "/etc/containerd/certs.d" below [plugins."io.containerd.grpc.v1.cri".registry]\n\n# Then:\n`,
    );
    expect(await readFile(file, 'utf8')).toBe(before);
    const again = await run('containerd', ...mirror, '--apply', '--root', folder.path);
    expect(again.out).toMatch(
      /^Already set up; nothing was written\.\n\n# By hand, .*\n#   .*config\.toml: set/u,
    );
  });

  it('shows the difference and writes nothing', async () => {
    await using folder = await machineWith('{\n  "debug": true\n}\n');
    const args = [
      'docker',
      ...mirror,
      '--upstream',
      'docker.io',
      '--apply',
      '--dry-run',
      '--root',
      folder.path,
    ];

    const { code, out } = await run(...args);

    expect(code).toBe(0);
    expect(out).toContain(' {\n-  "debug": true\n+  "debug": true,\n+  "registry-mirrors": [\n');
    expect(await readdir(folder.join('etc', 'docker'))).toEqual(['daemon.json']);
  });

  it('gives the authority to the client, and not the key that stands beside it', async () => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('ca.pem'), `${selfSigned.key}\n${selfSigned.cert}\n`);
    const secure = ['--mirror', 'https://127.0.0.1:5443', '--ca', folder.join('ca.pem')];

    const { code, out } = await run('podman', ...secure);
    expect(code).toBe(0);
    expect(out).toContain(`# /etc/containers/certs.d/127.0.0.1:5443/ca.crt\n${selfSigned.cert}\n`);
    expect(out).not.toContain('PRIVATE KEY');

    await run('podman', ...secure, '--apply', '--root', folder.path);
    const written = folder.join('etc', 'containers', 'certs.d', '127.0.0.1:5443', 'ca.crt');
    expect(await readFile(written, 'utf8')).toBe(`${selfSigned.cert}\n`);
  });

  it.each([
    [['kaniko', ...mirror, '--apply'], 2, 'kaniko has no file on this machine'],
    [['gitlab-ci', '--undo'], 2, 'gitlab-ci has no file on this machine'],
    [['docker', '--apply', '--undo'], 2, '--apply and --undo are opposites'],
    [['docker', '--mirror', 'mirror.lan'], 2, '--mirror wants a URL such as http://mirror.lan:5000'],
    [['docker', ...mirror, '--upstream', 'nowhere.lan'], 2, '--upstream nowhere.lan: not mirrored'],
    [
      ['docker', '--mirror', 'https://mirror.lan', '--ca', 'missing.pem'],
      2,
      '--ca missing.pem cannot be read',
    ],
    [
      ['docker', '--mirror', 'https://mirror.lan', '--ca', 'empty.pem'],
      2,
      'holds no certificate in PEM form',
    ],
    [['docker', 'missing.yml'], 2, 'missing.yml'],
    [['docker', ...mirror, '--apply', '--root', 'missing'], 1, '--root missing: there is no such folder'],
    [['dokcer'], 2, 'Did you mean docker?'],
  ])('answers %j with exit code %i and says why', async (args, code, reason) => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('empty.pem'), '');

    const answer = await run(...args.map((arg) => (arg === 'empty.pem' ? folder.join(arg) : arg)));

    expect(answer).toMatchObject({ code, out: '' });
    expect(answer.err).toContain(reason);
  });

  it('says so when it may not write, and has written nothing', async () => {
    await using folder = await machineWith('{}');
    const root = folder.path;
    await chmod(root, 0o755);
    await chmod(folder.join('etc', 'docker'), 0o555);
    const args = ['docker', ...mirror, '--root', root];
    // All that it needs is loaded by the time it becomes somebody else.
    expect(await run(...args, '--dry-run')).toHaveProperty('code', 0);

    const { code, err } = await asNobody(async () => run(...args, '--apply'));

    expect(code).toBe(1);
    expect(err).toBe(
      `entrepot: ${folder.join('etc', 'docker')} may not be written by this user: run it as root\n`,
    );
    expect(await readdir(folder.join('etc', 'docker'))).toEqual(['daemon.json']);
    expect(await readFile(folder.join('etc', 'docker', 'daemon.json'), 'utf8')).toBe('{}');
  });

  it('run by many at once leaves a whole file, and one undo is enough', async () => {
    await using folder = await machineWith('{ "debug": true }');
    const there = ['--upstream', 'docker.io', '--root', folder.path];

    const runs = await Promise.all(
      ['a', 'b', 'c'].map(async (name) =>
        runProcess(folder, 'docker', '--mirror', `http://${name}.lan:5000`, '--apply', ...there),
      ),
    );

    expect(runs.some(({ code }) => code === 0)).toBe(true);
    const daemon: unknown = JSON.parse(await readFile(folder.join('etc', 'docker', 'daemon.json'), 'utf8'));
    expect(daemon).toMatchObject({
      debug: true,
      'registry-mirrors': [expect.stringMatching(/^http:\/\/[abc]\.lan:5000$/u)],
    });
    await runProcess(folder, 'docker', '--undo', '--root', folder.path);
    expect(await readFile(folder.join('etc', 'docker', 'daemon.json'), 'utf8')).toBe('{ "debug": true }');
  });
});

/** Root may write everywhere: others than root run this as they are. */
async function asNobody<Result>(work: () => Promise<Result>): Promise<Result> {
  const root = process.geteuid?.() === 0;
  if (root) process.seteuid?.(65_534);
  try {
    return await work();
  } finally {
    if (root) process.seteuid?.(0);
  }
}
