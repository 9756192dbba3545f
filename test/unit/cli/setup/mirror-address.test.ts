import { describe, expect, it } from 'vitest';
import { writeFile } from 'node:fs/promises';
import {
  mirrorAddress,
  Origin,
  type AddressOptions,
  type MirrorAddress,
} from '../../../../src/cli/setup/mirror-address.ts';
import { hubMirror } from '../../../../src/cli/setup/clients/dockerd.ts';
import { loadConfig } from '../../../../src/config/load.ts';
import { TempFolder } from '../../../support/temp-folder.ts';

/** Where clients log in, where they need not, and what dockerd's registry-mirrors are to name. */
function urlsOf(mirror: MirrorAddress): readonly unknown[] {
  return [mirror.origin.url, mirror.publicOrigin?.url, hubMirror(mirror)?.url];
}

/** The address of a mirror with these settings. */
async function addressWith(settings: string, options: Partial<AddressOptions> = {}): Promise<MirrorAddress> {
  await using folder = await TempFolder.create();
  const file = folder.join('config.yml');
  await writeFile(file, `version: 0.1\n${settings}`);
  await writeFile(folder.join('users'), 'me:$2y$05$c4WoMPo3SXsafkva.HHa6uXQZWr7oboPiC2bT/r7q1BB8I2s0BRqC\n');
  const { config } = loadConfig({
    file,
    environment: { REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY: folder.path },
    directory: folder.path,
  });
  return mirrorAddress(config, {
    mirror: 'http://mirror.lan:5000',
    upstreams: [],
    ca: undefined,
    ...options,
  });
}

const ownOf = ({ upstreams }: MirrorAddress, name: string): string | undefined =>
  upstreams.find((upstream) => upstream.name === name)?.own?.url;

describe('the origin of a mirror', () => {
  it.each([
    ['http://mirror.lan:5000', 'mirror.lan:5000', 'http://mirror.lan:5000', false],
    ['https://mirror.example/', 'mirror.example', 'https://mirror.example', true],
    ['https://mirror.example:443', 'mirror.example', 'https://mirror.example', true],
    // Without a dot, docker would take it for a part of a name.
    ['http://mirror', 'mirror:80', 'http://mirror:80', false],
    ['https://MIRROR:443', 'mirror:443', 'https://mirror:443', true],
    ['http://[fd00::1]:5000', '[fd00::1]:5000', 'http://[fd00::1]:5000', false],
  ])('%s stands in names of images as %s', (text, authority, url, secure) => {
    expect(Origin.parse(text)).toMatchObject({ authority, url, secure });
  });

  it.each([
    ['mirror.lan:5000', /wants a URL such as/u],
    ['ftp://mirror.lan', /wants a URL such as/u],
    ['', /wants a URL such as/u],
    ['http://a"b.lan', /wants a URL such as/u],
    ['http://$(reboot).lan', /wants a URL such as/u],
    ['http://mirror.lan:5000/v2', /scheme, host and port alone/u],
    ['http://mirror.lan:5000?a', /scheme, host and port alone/u],
  ])('is not %j', (text, reason) => {
    expect(() => Origin.parse(text)).toThrow(reason);
  });

  it('takes no password, and does not repeat it', () => {
    expect(() => Origin.parse('http://me:geheim@mirror.lan')).toThrow(/no login belongs in this URL/u);
    expect(() => Origin.parse('http://me:geheim@mirror.lan')).not.toThrow(/geheim/u);
  });
});

describe('what clients have to know', () => {
  it('comes from http.addr when nobody says it', async () => {
    const { origin } = await addressWith('http: { addr: "127.0.0.1:5001" }\n', { mirror: undefined });

    expect(origin.url).toBe('http://127.0.0.1:5001');
  });

  it('has an address of this machine for a mirror that listens on all', async () => {
    const { origin } = await addressWith('http: { addr: ":5001" }\n', { mirror: undefined });

    expect(origin.url).toMatch(/^http:\/\/[\w.-]+:5001$/u);
    expect(origin.url).not.toContain('0.0.0.0');
  });

  it('must be said when the system chooses the port', async () => {
    await expect(addressWith('http: { addr: "127.0.0.1:0" }\n', { mirror: undefined })).rejects.toThrow(
      /say --mirror URL/u,
    );
  });

  it('has plain names where they mean Docker Hub', async () => {
    expect(ownOf(await addressWith(''), 'docker.io')).toBe('http://mirror.lan:5000');
    expect(ownOf(await addressWith(''), 'ghcr.io')).toBeUndefined();
  });

  it('has the listener or the host that an upstream has for itself', async () => {
    const address = await addressWith(
      'proxy: { remoteurl: "https://quay.io" }\nupstreams:\n  docker.io: { listen: ":5001" }\n  ghcr.io: { hosts: [ghcr.lan] }\n',
    );

    expect(ownOf(address, 'quay.io')).toBe('http://mirror.lan:5000');
    expect(ownOf(address, 'docker.io')).toBe('http://mirror.lan:5001');
    expect(ownOf(address, 'ghcr.io')).toBe('http://ghcr.lan:5000');
  });

  it('says where clients go when the mirror fails: to the registry by its name', async () => {
    const { upstreams } = await addressWith(
      'upstreams:\n  docker.io: {}\n  registry.lan:5000: { url: "http://registry.lan:5000" }\n  gcr.io: { url: "https://elsewhere.lan" }\n',
    );

    expect(Object.fromEntries(upstreams.map(({ name, server }) => [name, server]))).toEqual({
      'docker.io': 'https://registry-1.docker.io',
      'registry.lan:5000': 'http://registry.lan:5000',
      'gcr.io': 'https://gcr.io',
    });
  });

  it('is limited to the upstreams that are asked for, which must be there', async () => {
    const { upstreams } = await addressWith('', { upstreams: ['ghcr.io'] });

    expect(upstreams.map(({ name }) => name)).toEqual(['ghcr.io']);
    const alike = await addressWith('', { upstreams: ['GHCR.io', 'index.docker.io'] });
    expect(alike.upstreams.map(({ name }) => name)).toEqual(['docker.io', 'ghcr.io']);
    await expect(addressWith('', { upstreams: ['gchr.io'] })).rejects.toThrow(
      /gchr\.io: not mirrored; there is .*ghcr\.io/u,
    );
  });

  it('knows whether one may, or must, log in', async () => {
    const auth = 'auth: { htpasswd: { realm: x, path: users } }\n';

    expect((await addressWith('')).login).toBe('none');
    const closed = await addressWith(auth);
    expect([closed.login, hubMirror(closed)]).toEqual(['required', undefined]);
    expect((await addressWith(`${auth}access: { anonymous: deny }\n`)).login).toBe('required');
  });

  it('knows the address without logins, which is the one for dockerd’s registry-mirrors', async () => {
    const text = `auth: { htpasswd: { realm: x, path: users } }
access: { anonymous: allow }
http: { public: { addr: ':5001' } }
`;
    const mirror = 'http://mirror.lan:5000';

    expect(urlsOf(await addressWith(text, { mirror }))).toEqual([
      mirror,
      'http://mirror.lan:5001',
      'http://mirror.lan:5001',
    ]);
    expect(urlsOf(await addressWith(text, { mirror, public: 'https://open.lan' }))).toEqual([
      mirror,
      'https://open.lan',
      'https://open.lan',
    ]);
    expect(
      urlsOf(
        await addressWith(
          `${text}upstreams: { registry.lan: , docker.io: { hosts: hub.mirror.lan } }\nproxy: { remoteurl: 'https://registry.lan' }\n`,
          { mirror },
        ),
      ),
    ).toEqual([mirror, 'http://mirror.lan:5001', 'http://hub.mirror.lan:5001']);
    const behindProxy = text.replace(':5001', '127.0.0.1:5001');
    await expect(addressWith(behindProxy, { mirror })).rejects.toThrow(
      /this machine alone.*say --public URL$/u,
    );
    const here = await addressWith(behindProxy, { mirror: 'http://localhost:5000' });
    expect(here.publicOrigin?.url).toBe('http://127.0.0.1:5001');
    await expect(addressWith(text, { mirror, public: 'x' })).rejects.toThrow(/^--public wants a URL/u);
    await expect(addressWith('', { public: mirror })).rejects.toThrow(/--public is for a mirror with/u);
  });

  it('has no use for an authority without TLS', async () => {
    await expect(addressWith('', { ca: 'x' })).rejects.toThrow(/--ca is for a mirror with TLS/u);
  });
});
