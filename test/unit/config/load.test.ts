import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { ConfigFolder, complaintAbout, complaintOf, loadText } from '../../support/config-folder.ts';

describe('a configuration', () => {
  it('is Docker Hub and the well-known registries, anonymous, on port 5000, in ./data when there is no file', async () => {
    await using folder = await ConfigFolder.create();

    const { config, warnings } = folder.loadEnvironment({});

    const { upstreams, ...rest } = config;
    expect(rest).toEqual({
      log: { level: 'info', formatter: 'text', fields: {} },
      offline: false,
      storage: {
        rootdirectory: join(folder.path, 'data'),
        deleteEnabled: false,
        maxsize: undefined,
        minfree: { percent: 10 },
        scrubMs: 2_592_000_000,
        quotas: [],
      },
      http: { addr: { host: undefined, port: 5000 }, headers: {}, tls: undefined, draintimeoutMs: 8000 },
      plain: 'docker.io',
      auth: { htpasswd: undefined, token: undefined, passthrough: false },
      access: {
        anonymous: 'allow',
        private: 'authenticated',
        groups: {},
        rules: [],
        mirror: { allow: [], deny: [] },
      },
      pins: [],
      ttlMs: 604_800_000,
      timeouts: { connectMs: 5000, headerMs: 15_000, idleMs: 30_000 },
      systemStores: {
        files: expect.arrayContaining([
          '/etc/ssl/certs/ca-certificates.crt',
          '/etc/ssl/cert.pem',
        ]) as string[],
        directories: ['/etc/ssl/certs', '/etc/pki/tls/certs'],
      },
      catalogMaxEntries: 1000,
      tagsMax: undefined,
    });
    expect(upstreams[0]).toEqual({
      name: 'docker.io',
      urls: [new URL('https://registry-1.docker.io')],
      throughMirror: false,
      credentials: undefined,
      ca: undefined,
      insecure: false,
      proxy: undefined,
      redirects: [],
      freshness: { tagMs: 60_000, gone: 'keep', rules: [] },
      pullAhead: { enabled: true, parallel: 6 },
      ranges: { connections: 8, minBytes: 16 * 2 ** 20 },
      hosts: [],
      listen: undefined,
    });
    expect(upstreams.slice(1).map(({ urls }) => urls[0].href)).toEqual([
      'https://ghcr.io/',
      'https://quay.io/',
      'https://gcr.io/',
      'https://registry.k8s.io/',
      'https://mcr.microsoft.com/',
      'https://public.ecr.aws/',
      'https://registry.gitlab.com/',
      'https://lscr.io/',
      'https://nvcr.io/',
    ]);
    expect(upstreams.filter(({ credentials }) => credentials !== undefined)).toEqual([]);
    expect(warnings).toEqual([]);
  });

  it('takes every key of its own', async () => {
    const { config } = await loadText(`
version: 0.1
log: { level: DEBUG, formatter: json, fields: { site: 7 } }
storage: { filesystem: { rootdirectory: /srv/cache }, delete: { enabled: yes } }
http:
  addr: '[::1]:5001'
  headers: { X-One: one, X-Two: [a, b] }
  draintimeout: 1m
proxy:
  remoteurl: https://registry.example.com:8443/
  username: 42
  password: 0123
  ttl: 0
  freshness:
    default: 5m
    gone: drop
    rules:
      - { match: 'library/*:latest', maxage: 30s }
      - { match: '*:v[0-9]*', maxage: 1h }
  timeouts: { connect: 1s, header: 2s, idle: 3s }
`);

    expect(config).toMatchObject({
      log: { level: 'debug', formatter: 'json', fields: { site: '7' } },
      storage: { rootdirectory: '/srv/cache', deleteEnabled: true },
      http: {
        addr: { host: '::1', port: 5001 },
        headers: { 'X-One': ['one'], 'X-Two': ['a', 'b'] },
        tls: undefined,
        draintimeoutMs: 60_000,
      },
      upstreams: [
        {
          name: 'registry.example.com:8443',
          urls: [new URL('https://registry.example.com:8443')],
          credentials: { kind: 'static', username: '42', password: '0123' },
          freshness: {
            tagMs: 300_000,
            gone: 'drop',
            rules: [
              { match: 'library/*:latest', maxAgeMs: 30_000 },
              { match: '*:v[0-9]*', maxAgeMs: 3_600_000 },
            ],
          },
        },
      ],
      ttlMs: 0,
      timeouts: { connectMs: 1000, headerMs: 2000, idleMs: 3000 },
    });
  });

  it('cannot be changed once it is loaded', async () => {
    const { config } = await loadText(
      'version: 0.1\nproxy: { freshness: { rules: [{ match: "*", maxage: 1s }] } }',
    );

    expect(Object.isFrozen(config)).toBe(true);
    expect(Object.isFrozen(config.upstreams[0].freshness.rules[0])).toBe(true);
  });

  it.each([
    ['https://registry-1.docker.io', 'docker.io', 'https://registry-1.docker.io/'],
    ['https://docker.io', 'docker.io', 'https://registry-1.docker.io/'],
    ['http://index.docker.io/', 'docker.io', 'https://registry-1.docker.io/'],
    ['https://GHCR.io', 'ghcr.io', 'https://ghcr.io/'],
    ['http://127.0.0.1:5555', '127.0.0.1:5555', 'http://127.0.0.1:5555/'],
    ['http://[::1]:5555', '[::1]:5555', 'http://[::1]:5555/'],
  ])('mirrors %s under the name %s', async (remoteurl, name, url) => {
    const { config } = await loadText(`version: 0.1\nproxy: { remoteurl: '${remoteurl}' }`);

    expect(config.upstreams[0].name).toBe(name);
    expect(config.upstreams[0].urls[0].href).toBe(url);
  });

  it.each([
    [':5000', undefined, 5000],
    ['0.0.0.0:80', '0.0.0.0', 80],
    ['localhost:0', 'localhost', 0],
    ['[::]:5000', '::', 5000],
  ])('listens on %s', async (addr, host, port) => {
    const { config } = await loadText(`version: 0.1\nhttp: { addr: '${addr}' }`);

    expect(config.http.addr).toEqual({ host, port });
  });

  it('says what it mirrors when a file names no upstream', async () => {
    const { config, warnings } = await loadText('version: 0.1');

    expect(config.upstreams[0].name).toBe('docker.io');
    expect(config.upstreams).toHaveLength(10);
    expect(warnings).toEqual([
      'neither proxy.remoteurl nor upstreams: Entrepot is always a mirror, here of Docker Hub and the well-known public registries',
    ]);
  });

  it('warns about credentials that would cross the network in the clear', async () => {
    const { warnings } = await loadText(
      'version: 0.1\nproxy: { remoteurl: "http://registry.example", username: u, password: geheim }',
    );

    expect(warnings.join()).toContain('unencrypted');
    expect(warnings.join()).not.toContain('geheim');
  });

  it('takes empty values for missing ones, as Go does', async () => {
    const { config } = await loadText(
      'version: 0.1\nlog:\nhttp: { tls: { }, addr: "" }\nauth: {}\nproxy: { username: "", password: , remoteurl: "https://ghcr.io" }',
    );

    expect(config.http.addr.port).toBe(5000);
    expect(config.upstreams[0].credentials).toBeUndefined();
  });

  it('follows anchors and merge keys', async () => {
    const { config } = await loadText(`
version: 0.1
proxy:
  remoteurl: https://ghcr.io
  timeouts: &limits { connect: 2s, idle: 2s }
  freshness:
    rules:
      - &rule { match: '*:latest', maxage: 1s }
      - { <<: *rule, match: '*:edge' }
`);

    expect(config.upstreams[0].freshness.rules[1]).toEqual({ match: '*:edge', maxAgeMs: 1000 });
  });

  it.each([
    ['does not exist', 'nowhere.yml', 'nowhere.yml does not exist'],
    ['is a folder', '.', '. is a folder, not a file'],
  ])('is an error when its file %s', async (_why, file, message) => {
    await using folder = await ConfigFolder.create();

    expect(complaintOf(() => folder.load({}, file))).toBe(message);
  });

  it('is an error when its file is empty', async () => {
    expect(await complaintAbout('# nothing\n')).toBe(
      'entrepot.yml is empty; the least is one line: version: 0.1',
    );
  });

  it('is an error, not a flood, when aliases of aliases multiply', async () => {
    const rows = ['a0: &a0 [x, x, x, x, x, x, x, x]'];
    for (let level = 1; level < 12; level += 1) {
      rows.push(`a${level}: &a${level} [${Array.from({ length: 8 }, () => `*a${level - 1}`).join(', ')}]`);
    }

    expect(await complaintAbout(rows.join('\n'))).toMatch(/too large|alias/);
  });
});
