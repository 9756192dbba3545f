import { describe, expect, it } from 'vitest';
import { complaintAbout, loadText } from '../../support/config-folder.ts';

describe("registry:2's file", () => {
  it('is named its keys without meaning in one line', async () => {
    const { config, warnings } = await loadText(`
version: 0.1
log: { accesslog: { disabled: true }, fields: { service: registry } }
storage:
  filesystem: { rootdirectory: /var/lib/registry, maxthreads: 100 }
  cache: { blobdescriptor: inmemory }
http: { addr: ':5000', secret: geheim, net: tcp, debug: { addr: 'localhost:5001' } }
health: { storagedriver: { enabled: true } }
redis: { addr: 'localhost:6379', password: geheim }
proxy: { remoteurl: 'https://registry-1.docker.io' }
`);

    expect(warnings).toEqual([
      "these keys of registry:2's mean nothing to a mirror and are ignored: health, http.debug, http.secret, " +
        'log.accesslog, redis, storage.cache, storage.filesystem.maxthreads',
    ]);
    expect(config.log.fields).toEqual({ service: 'registry' });
  });

  it.each([
    ['auth: { htpasswd: }', 'auth', 'protects nothing'],
    ['auth: silly', 'auth', 'expected a section'],
    ['auth: { silly: { realm: r, service: s } }', 'auth.silly', 'lets everyone in'],
    ['auth: { none: }', 'auth.none', 'leave it out'],
    ['auth: { token: { autoredirect: true } }', 'auth.token.autoredirect', "a client's own Host header"],
    ['proxy: { remotenamespace: acme }', 'proxy.remotenamespace', 'other repositories than asked for'],
    ['http: { tls: { clientauth: request-client-cert } }', 'http.tls.clientauth', 'every client shows'],
    ['http: { tls: { letsencrypt: { email: a@b.c } } }', 'http.tls.letsencrypt', 'refusing to serve without'],
    ['http: { tls: { ciphersuites: [TLS_X] } }', 'http.tls.ciphersuites[0]', 'not a cipher suite'],
    ['http: { tls: { ciphersuites: [TLS_RSA_WITH_RC4_128_SHA] } }', 'http.tls.ciphersuites[0]', 'is broken'],
    ['catalog: { maxentries: 0 }', 'catalog.maxentries', 'not a whole number from 1'],
    ['tags: { maxtags: many }', 'tags.maxtags', 'not a whole number from 1'],
    ['http: { net: unix }', 'http.net', 'only tcp'],
    ['http: { prefix: /registry/ }', 'http.prefix', 'at its root'],
    ['storage: inmemory', 'storage', 'in a folder'],
    ['storage: { inmemory: }', 'storage.inmemory', 'in a folder'],
    ['storage: { s3: { secretkey: geheim } }', 'storage.s3', 'in a folder'],
  ])('is refused with %s, which protects or chooses something', async (line, key, reason) => {
    const complaint = await complaintAbout(`version: 0.1\n${line}\n`);

    expect(complaint).toContain(`: ${key}: `);
    expect(complaint).toContain(reason);
    expect(complaint).not.toContain('geheim');
  });

  it('has its limits on listings respected', async () => {
    const { config } = await loadText('version: 0.1\ncatalog: { maxentries: 50 }\ntags: { maxtags: 20 }\n');

    expect(config).toMatchObject({ catalogMaxEntries: 50, tagsMax: 20 });
  });

  it.each([
    ['{ command: docker-credential-ecr-login, lifetime: 6h }', 'docker-credential-ecr-login', 21_600_000],
    ['{ command: /usr/bin/helper, lifetime: 0 }', '/usr/bin/helper', 0],
    ['{ command: helper }', 'helper', Number.POSITIVE_INFINITY],
  ])('may have a program tell the credentials: proxy.exec %s', async (exec, program, lifetimeMs) => {
    const { config } = await loadText(
      `version: 0.1\nproxy: { remoteurl: 'https://registry-1.docker.io', exec: ${exec} }\n`,
    );

    expect(config.upstreams[0].credentials).toEqual({ kind: 'helper', program, lifetimeMs });
  });

  it('may use the deprecated loglevel', async () => {
    const { config } = await loadText('version: 0.1\nloglevel: warn');

    expect(config.log.level).toBe('warn');
  });

  it('may name its storage in short', async () => {
    const { config } = await loadText('version: 0.1\nstorage: filesystem');

    expect(config.storage.rootdirectory).toMatch(/\/data$/);
  });
});
