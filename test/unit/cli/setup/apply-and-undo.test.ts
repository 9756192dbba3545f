import { createHash } from 'node:crypto';
import { chmod, mkdir, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { dirname } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { ClientName } from '../../../../src/cli/setup/client-names.ts';
import { guides } from '../../../../src/cli/setup/clients/guides.ts';
import { applyPlan } from '../../../../src/cli/setup/files/apply-plan.ts';
import { planFiles, type Plan } from '../../../../src/cli/setup/files/plan.ts';
import { Root } from '../../../../src/cli/setup/files/root.ts';
import type { MirrorAddress } from '../../../../src/cli/setup/mirror-address.ts';
import { TempFolder } from '../../../support/temp-folder.ts';
import { aMirror, authority } from './a-mirror.ts';

/** A machine of which there is nothing but a folder. */
class Machine implements AsyncDisposable {
  readonly #folder: TempFolder;

  private constructor(folder: TempFolder) {
    this.#folder = folder;
  }

  static async with(files: Readonly<Record<string, string>> = {}): Promise<Machine> {
    const machine = new Machine(await TempFolder.create());
    for (const [path, text] of Object.entries(files)) await machine.write(path, text);
    return machine;
  }

  path(path: string): string {
    return this.#folder.join(path);
  }

  async write(path: string, text: string): Promise<void> {
    await mkdir(dirname(this.path(path)), { recursive: true });
    await writeFile(this.path(path), text);
  }

  async read(path: string): Promise<string> {
    return readFile(this.path(path), 'utf8');
  }

  /** Every file with its text, and every folder that is empty. */
  async everything(): Promise<Readonly<Record<string, string>>> {
    const found: Record<string, string> = {};
    for (const entry of await readdir(this.#folder.path, { recursive: true, withFileTypes: true })) {
      const path = `${entry.parentPath}/${entry.name}`;
      const name = path.slice(this.#folder.path.length);
      if (entry.isFile()) found[name] = await readFile(path, 'utf8');
      else if (entry.isDirectory() && (await readdir(path)).length === 0) found[name] = 'nothing';
    }
    return found;
  }

  async apply(client: ClientName, mirror: MirrorAddress = aMirror()): Promise<Plan> {
    return this.#run(client, guides[client].guide(mirror).files ?? []);
  }

  async undo(client: ClientName): Promise<Plan> {
    return this.#run(client, []);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#folder.remove();
  }

  async #run(client: ClientName, files: Parameters<typeof planFiles>[0]): Promise<Plan> {
    const root = await Root.open(this.#folder.path);
    const record = guides[client].record ?? '';
    return applyPlan(async () => planFiles(files, record, root), root);
  }
}

const daemonJson = '/etc/docker/daemon.json';
const theirs = '{ "debug":true,\n   "log-opts" : {"max-size":"10m"} }';
const local = ['docker', 'containerd', 'buildkit', 'podman', 'k3s', 'rke2', 'kind'] as const;

describe.each(local)('setting up %s', (client) => {
  it('on a bare machine and taking it back leaves nothing', async () => {
    await using machine = await Machine.with({ '/etc/hostname': 'bare\n' });

    await machine.apply(client, aMirror('https://mirror.example', { ca: authority }));
    expect(Object.keys(await machine.everything()).length).toBeGreaterThan(2);
    await machine.undo(client);

    expect(await machine.everything()).toEqual({ '/etc/hostname': 'bare\n' });
  });

  it('twice is setting it up once', async () => {
    await using machine = await Machine.with();
    await machine.apply(client);
    const once = await machine.everything();

    const plan = await machine.apply(client);

    expect(plan.settled).toBe(true);
    expect(await machine.everything()).toEqual(once);
  });

  it('for a mirror that has moved leaves nothing of the old address, also not after undo', async () => {
    await using machine = await Machine.with();
    await machine.apply(client, aMirror('http://old.lan:5000'));
    await machine.apply(client, aMirror('http://new.lan:5000'));

    expect(JSON.stringify(await machine.everything())).toContain('new.lan');
    expect(JSON.stringify(await machine.everything())).not.toContain('old.lan');
    await machine.undo(client);
    expect(await machine.everything()).toEqual({});
  });
});

describe('files that were there', () => {
  it.each([
    ['docker', daemonJson, theirs],
    ['docker', daemonJson, ''],
    ['containerd', '/etc/containerd/config.toml', '# mine'],
    ['buildkit', '/etc/buildkit/buildkitd.toml', '# mine\n\n'],
    ['podman', '/etc/containers/registries.conf.d/50-entrepot.conf', '\n'],
  ] as const)('of %s are kept as they were, and come back to the byte: %s', async (client, path, text) => {
    await using machine = await Machine.with({ [path]: text });

    await machine.apply(client);
    expect(await machine.read(path)).not.toBe(text);
    expect(await machine.read(`${path}.entrepot-backup`)).toBe(text);
    await machine.undo(client);

    expect(await machine.everything()).toEqual({ [path]: text });
  });

  it('have a backup that a second apply does not overwrite', async () => {
    await using machine = await Machine.with({ [daemonJson]: theirs });
    await machine.apply('docker', aMirror('http://old.lan:5000'));

    await machine.apply('docker', aMirror('http://new.lan:5000'));

    expect(await machine.read(`${daemonJson}.entrepot-backup`)).toBe(theirs);
    await machine.undo('docker');
    expect(await machine.everything()).toEqual({ [daemonJson]: theirs });
  });

  it('keep what others wrote after us, when we take ours back', async () => {
    await using machine = await Machine.with({ [daemonJson]: theirs });
    await machine.apply('docker');
    const since = { ...(JSON.parse(await machine.read(daemonJson)) as object), 'live-restore': true };
    await machine.write(daemonJson, JSON.stringify(since));

    await machine.undo('docker');

    expect(Object.keys(await machine.everything())).toEqual([daemonJson]);
    expect(JSON.parse(await machine.read(daemonJson))).toEqual({
      ...(JSON.parse(theirs) as object),
      'live-restore': true,
    });
  });

  it('keep what others wrote between two of our runs', async () => {
    await using machine = await Machine.with({ [daemonJson]: theirs });
    await machine.apply('docker', aMirror('http://old.lan:5000'));
    await machine.write(daemonJson, (await machine.read(daemonJson)).replace('true', 'false'));
    await machine.apply('docker', aMirror('http://new.lan:5000'));

    await machine.undo('docker');

    expect(JSON.parse(await machine.read(daemonJson))).toEqual({
      ...(JSON.parse(theirs) as object),
      debug: false,
    });
  });

  it('stay where a link to them leads, with their mode', async () => {
    await using machine = await Machine.with({ '/srv/daemon.json': theirs, '/etc/docker/key.json': '{}' });
    await chmod(machine.path('/srv/daemon.json'), 0o640);
    await symlink('../../srv/daemon.json', machine.path(daemonJson));

    await machine.apply('docker');

    expect(JSON.parse(await machine.read('/srv/daemon.json'))).toHaveProperty('registry-mirrors');
    expect((await stat(machine.path('/srv/daemon.json'))).mode & 0o777).toBe(0o640);
    expect((await stat(machine.path('/srv/daemon.json.entrepot-backup'))).mode & 0o777).toBe(0o640);
    expect(await machine.read(daemonJson)).toBe(await machine.read('/srv/daemon.json'));
  });

  it('outside of the root are out of reach, whatever a link says', async () => {
    await using outside = await Machine.with({ '/daemon.json': theirs });
    await using machine = await Machine.with({ '/etc/docker/key.json': '{}' });
    await symlink(outside.path('/daemon.json'), machine.path(daemonJson));

    await expect(machine.apply('docker')).rejects.toThrow(/outside of --root/u);
    expect(await outside.everything()).toEqual({ '/daemon.json': theirs });
  });

  it.each([
    [
      'that do not parse',
      daemonJson,
      '{',
      'docker',
      /daemon\.json is not valid JSON; nothing has been written/u,
    ],
    [
      'of somebody else',
      '/etc/containerd/certs.d/ghcr.io/hosts.toml',
      'server = "x"\n',
      'containerd',
      /hosts\.toml is there already/u,
    ],
    ['that are broken', '/etc/containerd/config.toml', 'version = [', 'containerd', /is not valid TOML/u],
    ['in the way of a folder', '/etc/docker', 'a file', 'docker', /cannot be reached \(ENOTDIR\)/u],
  ] as const)('%s stop everything before anything is written', async (_, path, text, client, reason) => {
    await using machine = await Machine.with({ [path]: text });

    await expect(machine.apply(client)).rejects.toThrow(reason);

    expect(await machine.everything()).toEqual({ [path]: text });
  });

  it('of another client are out of reach, whatever a record says', async () => {
    const text = 'root:x:0:0::/root:/bin/sh\n';
    const hash = sha256(text);
    for (const path of ['/etc/passwd', '/etc/docker/../passwd']) {
      const file = { path, kind: 'whole', base: null, backup: null, written: hash, added: [] };
      await using machine = await Machine.with({
        'etc/passwd': text,
        'etc/docker/entrepot-setup.json': JSON.stringify({ version: 1, files: [file], folders: [] }),
      });
      await expect(machine.undo('docker')).rejects.toThrow('not a file of this client');
      await expect(machine.apply('docker')).rejects.toThrow('not a file of this client');
      expect(await machine.read('etc/passwd')).toBe(text);
    }
  });

  it('that are no UTF-8 are not touched', async () => {
    await using machine = await Machine.with({ [daemonJson]: '' });
    const bytes = Buffer.from([0x7b, 0xff, 0x7d]);
    await writeFile(machine.path(daemonJson), bytes);

    await expect(machine.apply('docker')).rejects.toThrow(/is not UTF-8/u);
    expect(await readFile(machine.path(daemonJson))).toEqual(bytes);
  });

  it('of ours that somebody changed are left when there is no telling what is whose', async () => {
    await using machine = await Machine.with();
    await machine.apply('docker', aMirror('https://mirror.example', { ca: authority }));
    await machine.write('/etc/docker/certs.d/mirror.example/ca.crt', 'another');

    await expect(machine.undo('docker')).rejects.toThrow(/ca\.crt has been changed since/u);
    expect(await machine.read('/etc/docker/certs.d/mirror.example/ca.crt')).toBe('another');
  });
});

interface EarlierFile {
  readonly client: ClientName;
  readonly path: string;
  readonly kind: 'block' | 'yaml';
  readonly before: string;
  readonly written: string;
  readonly added?: readonly object[];
}

const marked = (lines: string): string =>
  `# >>> entrepot setup: from here to "<<<" is taken out again by --undo\n${lines}# <<< entrepot setup\n`;

/** Settings of others to which version 0.1 added its own. */
const earlier: readonly EarlierFile[] = [
  {
    client: 'containerd',
    path: '/etc/containerd/config.toml',
    kind: 'block',
    before: 'version = 3 # mine',
    written: `version = 3 # mine\n\n${marked('[plugins."io.containerd.cri.v1.images".registry]\n  config_path = "/etc/containerd/certs.d"\n')}`,
  },
  {
    client: 'buildkit',
    path: '/etc/buildkit/buildkitd.toml',
    kind: 'block',
    before: 'debug = true\n',
    written: `debug = true\n\n${marked('[registry."ghcr.io"]\n  mirrors = ["mirror.lan:5000"]\n')}`,
  },
  {
    client: 'k3s',
    path: '/etc/rancher/k3s/registries.yaml',
    kind: 'yaml',
    before: 'mirrors:   {"*": }\n',
    written: 'mirrors:\n  "*":\n  ghcr.io:\n    endpoint:\n      - http://mirror.lan:5000\n',
    added: [{ path: ['mirrors', 'ghcr.io', 'endpoint'], values: ['http://mirror.lan:5000'], depth: 1 }],
  },
];

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

async function machineOf({ client, path, kind, before, written, added = [] }: EarlierFile): Promise<Machine> {
  const file = { path, kind, base: sha256(before), backup: sha256(before), written: sha256(written), added };
  return Machine.with({
    [path]: written,
    [`${path}.entrepot-backup`]: before,
    [guides[client].record ?? '']: JSON.stringify({ version: 1, files: [file], folders: [] }),
  });
}

describe.each(earlier)('what an earlier version wrote for $client', (file) => {
  const { client, path, before, written } = file;

  it('is taken back to the byte', async () => {
    await using machine = await machineOf(file);

    await machine.undo(client);

    expect(await machine.everything()).toEqual({ [path]: before });
  });

  it('goes from a file that others changed since, and what they wrote stays', async () => {
    await using machine = await machineOf(file);
    await machine.write(path, `# since\n${written}`);

    await machine.undo(client);

    const { [path]: rest, ...others } = await machine.everything();
    expect(others).toEqual({});
    expect(rest).toContain('# since');
    expect(rest).toContain(before.slice(0, 7));
    expect(rest).not.toMatch(/mirror\.lan|entrepot|certs\.d/u);
  });

  it('is taken back after another apply, which changes nothing there', async () => {
    await using machine = await machineOf(file);

    await machine.apply(client);
    expect(await machine.read(path)).toBe(written);
    await machine.undo(client);

    expect(await machine.everything()).toEqual({ [path]: before });
  });
});

describe('settings of somebody else', () => {
  it.each([
    ['containerd', '/etc/containerd/config.toml', 'version = 3 # mine', /^set config_path = /u],
    ['buildkit', '/etc/buildkit/buildkitd.toml', 'debug = true', /^put in what/u],
    ['k3s', '/etc/rancher/k3s/registries.yaml', 'mirrors:   {"*": }\n', /^put in what/u],
  ] as const)(
    'of %s stay as they are, their owner is told, and the rest is written',
    async (client, path, text, advice) => {
      await using machine = await Machine.with({ [path]: text });

      const plan = await machine.apply(client, aMirror('https://mirror.example', { ca: authority }));

      expect(plan.files.flatMap(({ byHand }) => byHand ?? [])).toEqual([expect.stringMatching(advice)]);
      expect(await machine.read(path)).toBe(text);
      expect(Object.values(await machine.everything())).toContain(authority);
      await machine.undo(client);
      expect(await machine.everything()).toEqual({ [path]: text });
    },
  );
});

describe('a file of Entrepot that its owner has added to, such as a login', () => {
  const path = '/etc/rancher/k3s/registries.yaml';

  it('is left to its owner by the next apply, who is told what has changed', async () => {
    await using machine = await Machine.with({});
    await machine.apply('k3s', aMirror('http://mirror.lan:5000'));
    const added = `${await machine.read(path)}configs:\n  mirror.lan:5000:\n    auth: { username: u, password: p }\n`;
    await machine.write(path, added);

    const same = await machine.apply('k3s', aMirror('http://mirror.lan:5000'));
    const other = await machine.apply('k3s', aMirror('http://other.lan:5000'));

    expect(same.files.map(({ byHand }) => byHand)).toEqual([undefined]);
    expect(other.files.map(({ byHand }) => byHand)).toEqual([expect.stringMatching(/^put in what/u)]);
    expect(await machine.read(path)).toBe(added);
  });
});

describe('a run that was cut off', () => {
  it.each(['apply', 'undo'] as const)('before it came to a file is made good by %s', async (next) => {
    await using machine = await Machine.with({ [daemonJson]: theirs });
    await machine.apply('docker');
    const whole = await machine.everything();
    // As if the power had failed after the record and before the file.
    await machine.write(daemonJson, theirs);
    await rm(machine.path('/etc/docker/certs.d/ghcr.io/hosts.toml'));

    await machine[next]('docker');

    expect(await machine.everything()).toEqual(next === 'apply' ? whole : { [daemonJson]: theirs });
  });

  it('while it took back is finished by the next undo', async () => {
    await using machine = await Machine.with({ [daemonJson]: theirs });
    await machine.apply('docker');
    await machine.write(daemonJson, theirs);

    await machine.undo('docker');

    expect(await machine.everything()).toEqual({ [daemonJson]: theirs });
  });

  it('leaves a lock that keeps nobody out', async () => {
    await using machine = await Machine.with();
    // No process has a number beyond the kernel's limit of 2^22.
    await machine.write('/etc/docker/entrepot-setup.json.lock', `${2 ** 22 + 1}\n`);

    await machine.apply('docker');
    await machine.undo('docker');

    expect(await machine.everything()).toEqual({ '/etc/docker': 'nothing' });
  });
});

describe('several runs at once', () => {
  it('are one after the other, or none: what is left can be taken back', async () => {
    await using machine = await Machine.with({ [daemonJson]: theirs });
    const hosts = ['a.lan', 'b.lan', 'c.lan', 'd.lan'];

    const runs = await Promise.allSettled(
      hosts.map(async (host) => machine.apply('docker', aMirror(`http://${host}:5000`))),
    );

    expect(runs.some(({ status }) => status === 'fulfilled')).toBe(true);
    for (const run of runs) {
      if (run.status === 'rejected')
        expect(run.reason).toHaveProperty('message', expect.stringContaining('at work'));
    }
    const { 'registry-mirrors': mirrors } = JSON.parse(await machine.read(daemonJson)) as Record<
      string,
      unknown
    >;
    expect(mirrors).toHaveLength(1);
    await machine.undo('docker');
    expect(await machine.everything()).toEqual({ [daemonJson]: theirs });
  });

  it('hold while another process is at work', async () => {
    await using machine = await Machine.with({ [daemonJson]: theirs });
    const lock = '/etc/docker/entrepot-setup.json.lock';
    await machine.write(lock, `${process.pid}\n`);

    await expect(machine.apply('docker')).rejects.toThrow(/if there is none, remove .*\.lock/u);
    expect(await machine.everything()).toEqual({ [daemonJson]: theirs, [lock]: `${process.pid}\n` });
  });
});
