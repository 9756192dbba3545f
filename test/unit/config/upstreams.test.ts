import { describe, expect, it } from 'vitest';
import type { Config } from '../../../src/config/config.ts';
import { complaintAbout, ConfigFolder, loadText } from '../../support/config-folder.ts';
import { selfSigned } from '../../support/self-signed.ts';

const upstream = ({ upstreams }: Config, name: string) => {
  const found = upstreams.find((one) => one.name === name);
  if (found === undefined) throw new Error(`${name} is not among the upstreams`);
  return found;
};

const names = ({ upstreams }: Config): readonly string[] => upstreams.map(({ name }) => name);

describe('upstreams', () => {
  it('need no URL where the registry answers at its own name', async () => {
    const { config } = await loadText(`
version: 0.1
upstreams:
  docker.io:
  ghcr.io: {}
  registry.example.com:8443:
  acme.azurecr.io: { freshness: { default: 5m } }
`);

    expect(config.upstreams.map(({ name, urls }) => [name, ...urls.map(String)])).toEqual([
      ['docker.io', 'https://registry-1.docker.io/'],
      ['ghcr.io', 'https://ghcr.io/'],
      ['registry.example.com:8443', 'https://registry.example.com:8443/'],
      ['acme.azurecr.io', 'https://acme.azurecr.io/'],
    ]);
  });

  it('take every key of theirs', async () => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': `
version: 0.1
http: { addr: ':5000' }
upstreams:
  GHCR.io:
    url: [https://mirror.corp:8443, 'http://10.0.0.7:5000']
    username: me
    passwordfile: secret
    ca: [one.pem, two.pem]
    insecure: yes
    proxy: http://user:geheim@proxy.corp:3128
    redirects: [Storage.corp, '10.0.0.8:9000']
    freshness: { default: 1h, gone: drop, rules: [{ match: '*:latest', maxage: 0 }] }
    pullahead: { enabled: no, parallel: 7 }
    ranges: { connections: 3, minsize: 32MiB }
    hosts: [GHCR.mirror.lan]
    listen: 127.0.0.1:5001
`,
      secret: 'geheim\n',
      'one.pem': `# with a comment\n${selfSigned.cert}\n`,
      'two.pem': selfSigned.cert,
    });

    const proxy = new URL('http://user:geheim@proxy.corp:3128');
    expect(upstream(folder.load().config, 'ghcr.io')).toEqual({
      name: 'ghcr.io',
      urls: [new URL('https://mirror.corp:8443'), new URL('http://10.0.0.7:5000')],
      throughMirror: false,
      credentials: { kind: 'static', username: 'me', password: 'geheim' },
      ca: `${selfSigned.cert}\n${selfSigned.cert}\n`,
      insecure: true,
      proxy: { http: proxy, https: proxy, noProxy: '', forLoopback: true },
      redirects: ['storage.corp', '10.0.0.8:9000'],
      freshness: { tagMs: 3_600_000, gone: 'drop', rules: [{ match: '*:latest', maxAgeMs: 0 }] },
      pullAhead: { enabled: false, parallel: 7 },
      ranges: { connections: 3, minBytes: 32 * 2 ** 20 },
      hosts: ['ghcr.mirror.lan'],
      listen: { host: '127.0.0.1', port: 5001 },
    });
  });

  it('share the freshness under proxy where they say nothing else', async () => {
    const { config } = await loadText(`
version: 0.1
proxy: { freshness: { default: 10m, gone: drop, rules: [{ match: '*:latest', maxage: 1s }] } }
upstreams: { ghcr.io: { freshness: { default: 1h } }, quay.io: { freshness: { rules: [] } } }
`);

    expect(upstream(config, 'ghcr.io').freshness).toEqual({
      tagMs: 3_600_000,
      gone: 'drop',
      rules: [{ match: '*:latest', maxAgeMs: 1000 }],
    });
    expect(upstream(config, 'quay.io').freshness).toMatchObject({ tagMs: 600_000, gone: 'drop' });
  });

  it('share the pull-ahead under proxy where they say nothing else', async () => {
    const { config } = await loadText(`
version: 0.1
proxy: { pullahead: { enabled: false, parallel: 9 } }
upstreams: { ghcr.io: { pullahead: { enabled: true } }, quay.io: { pullahead: { parallel: 2 } } }
`);

    expect(upstream(config, 'ghcr.io').pullAhead).toEqual({ enabled: true, parallel: 9 });
    expect(upstream(config, 'quay.io').pullAhead).toEqual({ enabled: false, parallel: 2 });
  });

  it('share the ranges under proxy where they say nothing else', async () => {
    const { config } = await loadText(`
version: 0.1
proxy: { ranges: { connections: 6, minsize: 64MiB } }
upstreams: { ghcr.io: { ranges: { connections: 1 } }, quay.io: { ranges: { minsize: 5MB } } }
`);

    expect(upstream(config, 'ghcr.io').ranges).toEqual({ connections: 1, minBytes: 64 * 2 ** 20 });
    expect(upstream(config, 'quay.io').ranges).toEqual({ connections: 6, minBytes: 5_000_000 });
  });

  it.each([
    ['{ ghcr.io: , docker.io: }', 'docker.io', ['docker.io', 'ghcr.io']],
    ['{ ghcr.io: , index.docker.io: }', 'docker.io', ['docker.io', 'ghcr.io']],
    ['{ ghcr.io: }', 'ghcr.io', ['ghcr.io']],
    ['{ ghcr.io: , quay.io: }', undefined, ['ghcr.io', 'quay.io']],
    ['{}', 'docker.io', expect.arrayContaining(['docker.io', 'ghcr.io', 'nvcr.io'])],
  ])('%s leave plain names to %s, which comes first', async (section, plain, all) => {
    const { config } = await loadText(`version: 0.1\nupstreams: ${section}\n`);

    expect(config.plain).toBe(plain);
    expect(names(config)).toEqual(all);
  });
});

describe('proxy.remoteurl beside upstreams', () => {
  it('is one more, and the plain one', async () => {
    const { config } = await loadText(`
version: 0.1
proxy: { remoteurl: 'http://registry:5000', username: me, password: geheim }
upstreams: { docker.io: , ghcr.io: }
`);

    expect(config.plain).toBe('registry:5000');
    expect(names(config)).toEqual(['registry:5000', 'docker.io', 'ghcr.io']);
    expect(upstream(config, 'registry:5000')).toMatchObject({
      urls: [new URL('http://registry:5000')],
      credentials: { kind: 'static', username: 'me' },
    });
    expect(upstream(config, 'docker.io').credentials).toBeUndefined();
  });

  it('is the same upstream when it has the same name', async () => {
    const { config } = await loadText(`
version: 0.1
proxy: { remoteurl: 'https://registry-1.docker.io', username: me, password: geheim }
upstreams: { docker.io: { url: ['https://mirror.corp', 'https://registry-1.docker.io'], hosts: [hub.lan] } }
`);

    expect(names(config)).toEqual(['docker.io']);
    expect(upstream(config, 'docker.io')).toMatchObject({
      urls: [new URL('https://mirror.corp'), new URL('https://registry-1.docker.io')],
      credentials: { kind: 'static', username: 'me' },
      hosts: ['hub.lan'],
    });
  });

  it('is the upstream that answers at this URL', async () => {
    const { config } = await loadText(`
version: 0.1
proxy: { remoteurl: 'http://127.0.0.1:5555' }
upstreams: { docker.io: { url: 'http://127.0.0.1:5555' }, ghcr.io: }
`);

    expect(config.plain).toBe('docker.io');
    expect(names(config)).toEqual(['docker.io', 'ghcr.io']);
  });

  it('stays at http:// where only the name is repeated', async () => {
    const { config } = await loadText(`
version: 0.1
proxy: { remoteurl: 'http://127.0.0.1:5555' }
upstreams: { '127.0.0.1:5555': { freshness: { default: 0 } } }
`);

    expect(config.upstreams).toMatchObject([
      { urls: [new URL('http://127.0.0.1:5555')], freshness: { tagMs: 0 } },
    ]);
  });
});

describe('the message for', () => {
  const certificate = selfSigned.cert.replaceAll(/^/gm, '      ');

  it.each([
    [
      'a pattern of hosts',
      `'*-docker.pkg.dev':`,
      'upstreams.*-docker.pkg.dev: name each host, for example europe-west1-docker.pkg.dev: a pattern would let clients choose whom Entrepot asks',
    ],
    [
      'a pattern of another kind',
      `'*.azurecr.io':`,
      'upstreams.*.azurecr.io: name each host, for example example.azurecr.io: a pattern would let clients choose whom Entrepot asks',
    ],
    [
      'a URL for a name',
      `https://ghcr.io: {}`,
      'upstreams.https://ghcr.io: an upstream goes by its host alone (its url is a key below), did you mean ghcr.io?',
    ],
    [
      'a name that no image can begin with',
      'internal: { url: https://registry.internal }\n  ghcr.io:',
      'upstreams.internal: clients cannot name it: a host has a dot or a port; give it a full name, or hosts, or listen',
    ],
    ['no name at all', `'a b':`, 'upstreams.a b: not the host name of a registry'],
    [
      'two spellings of one name',
      'registry-1.docker.io:\n  docker.io:',
      'upstreams.docker.io: is the same registry as upstreams.registry-1.docker.io; keep one of them',
    ],
    [
      'a misspelt key',
      'ghcr.io: { pasword: geheim }',
      'upstreams.ghcr.io.pasword: unknown key, did you mean upstreams.ghcr.io.password?',
    ],
    [
      'a URL without its scheme',
      'ghcr.io: { url: mirror.corp }',
      'upstreams.ghcr.io.url: must begin with https:// or http://, did you mean https://mirror.corp?',
    ],
    [
      'a URL in a list with a path',
      'ghcr.io: { url: [https://a.example, https://b.example/v2/] }',
      'upstreams.ghcr.io.url[1]: only a host and a port are possible here, did you mean https://b.example?',
    ],
    [
      'a host with its port',
      'ghcr.io: { hosts: [mirror.lan:5000] }',
      'upstreams.ghcr.io.hosts[0]: "mirror.lan:5000" is not a host name, did you mean mirror.lan?',
    ],
    [
      'a host that two upstreams want',
      'ghcr.io: { hosts: a.lan }\n  quay.io: { hosts: A.lan }',
      'upstreams.quay.io.hosts: a.lan is taken already by upstreams.ghcr.io.hosts',
    ],
    [
      'an address that two upstreams want',
      `ghcr.io: { listen: '127.0.0.1:5001' }\n  quay.io: { listen: ':5001' }`,
      'upstreams.quay.io.listen: :5001 is taken already by upstreams.ghcr.io.listen',
    ],
    [
      'the address of the mirror itself',
      `ghcr.io: { listen: '[::1]:5000' }`,
      'upstreams.ghcr.io.listen: [::1]:5000 is taken already by http.addr',
    ],
    [
      'a redirect to a URL',
      `ghcr.io: { redirects: https://cdn.lan/x }`,
      'upstreams.ghcr.io.redirects: "https://cdn.lan/x" is not a host, such as storage.lan or 10.0.0.7:9000',
    ],
    [
      'an authority that is not there',
      'ghcr.io: { ca: nowhere.pem }',
      'upstreams.ghcr.io.ca: /nowhere.pem does not exist',
    ],
    [
      'an authority that is none',
      `ghcr.io: { ca: entrepot.yml }`,
      'upstreams.ghcr.io.ca: /entrepot.yml holds no certificate in PEM form',
    ],
    [
      'an authority that is damaged',
      `ghcr.io:\n    ca: |\n${certificate.replace('MIIB', 'geheim')}`,
      'upstreams.ghcr.io.ca: the text holds a certificate that cannot be read',
    ],
    [
      'an account without its upstream',
      'ghcr.io:\nproxy: { username: me, password: geheim }',
      'proxy.username: there is no proxy.remoteurl that it belongs to; put it under upstreams.HOST',
    ],
    [
      'two accounts for one upstream',
      'ghcr.io: { credentials: docker-config }\nproxy: { remoteurl: https://ghcr.io, username: me, password: geheim }',
      'upstreams.ghcr.io.credentials: proxy.username is set too, for the same registry; keep one of them',
    ],
  ])('%s', async (_mistake, section, message) => {
    const complaint = await complaintAbout(`version: 0.1\nupstreams:\n  ${section}\n`);

    expect(complaint).toMatch(/^entrepot\.yml:\d+:\d+: /);
    expect(complaint).toContain(message);
    expect(complaint.split('\n')).toHaveLength(1);
    expect(complaint).not.toContain('geheim');
  });
});

describe('a certificate authority', () => {
  it('may be written out', async () => {
    const { config } = await loadText(
      `version: 0.1\nupstreams:\n  ghcr.io:\n    ca: |\n${selfSigned.cert.replaceAll(/^/gm, '      ')}\n`,
    );

    expect(config.upstreams[0].ca).toBe(`${selfSigned.cert}\n`);
  });

  it('brings no key along that stands in the same file', async () => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': 'version: 0.1\nupstreams: { ghcr.io: { ca: both.pem } }\n',
      'both.pem': `${selfSigned.key}\n${selfSigned.cert}\n`,
    });

    expect(folder.load().config.upstreams[0].ca).toBe(`${selfSigned.cert}\n`);
  });
});

describe('proxy.mirror', () => {
  const asked = ({ upstreams }: Config) =>
    upstreams.map(({ name, urls, throughMirror }) => [name, urls.map(({ origin }) => origin), throughMirror]);

  it('is asked in place of every registry', async () => {
    const { config } = await loadText('version: 0.1\nproxy: { mirror: "http://school:5000" }\n');

    expect(asked(config).slice(0, 2)).toEqual([
      ['docker.io', ['http://school:5000'], true],
      ['ghcr.io', ['http://school:5000'], true],
    ]);
    expect(config.plain).toBe('docker.io');
  });

  it('leaves those alone that have a URL or an account of their own', async () => {
    const { config } = await loadText(`
version: 0.1
proxy: { mirror: { url: 'http://school:5000', username: laptop, password: geheim } }
upstreams:
  docker.io:
  ghcr.io: { username: me, password: other }
  quay.io: { url: https://quay.corp }
`);

    expect(asked(config)).toEqual([
      ['docker.io', ['http://school:5000'], true],
      ['ghcr.io', ['https://ghcr.io'], false],
      ['quay.io', ['https://quay.corp'], false],
    ]);
    expect(config.upstreams.map(({ credentials }) => credentials)).toMatchObject([
      { username: 'laptop' },
      { username: 'me' },
      undefined,
    ]);
  });

  it.each([
    ['{ mirror: "http://school:5000", remoteurl: "https://ghcr.io" }', 'proxy.remoteurl is set too'],
    [
      '{ mirror: "http://school:5000", username: me, password: x }',
      'put that of the mirror into proxy.mirror',
    ],
    ['{ mirror: school:5000 }', 'did you mean https://school:5000?'],
    ['{ mirror: [a] }', 'expected a section with keys of its own, found a list'],
    ['{ mirror: { urls: x } }', 'did you mean proxy.mirror.url?'],
  ])('is refused as %s', async (proxy, complaint) => {
    expect(await complaintAbout(`version: 0.1\nproxy: ${proxy}\n`)).toContain(complaint);
  });

  it('is warned of once where a password for it goes unencrypted', async () => {
    const { warnings } = await loadText(
      'version: 0.1\nproxy: { mirror: { url: "http://school:5000", username: me, password: x } }\n',
    );

    expect(warnings.filter((warning) => warning.includes('unencrypted'))).toEqual([
      'the credentials for proxy.mirror go over the network unencrypted: its url is http://',
    ]);
  });
});
