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
    ['auth: { htpasswd: { realm: r, path: /p } }', 'auth', 'refusing to serve openly'],
    ['auth: { htpasswd: }', 'auth', 'refusing to serve openly'],
    ['auth: silly', 'auth', 'refusing to serve openly'],
    ['proxy: { exec: { command: docker-credential-x } }', 'proxy.exec', 'refusing to pull anonymously'],
    ['http: { tls: { letsencrypt: { email: a@b.c } } }', 'http.tls.letsencrypt', 'refusing to serve without'],
    ['http: { tls: { ciphersuites: [TLS_X] } }', 'http.tls.ciphersuites', 'refusing to offer'],
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

  it('may use the deprecated loglevel', async () => {
    const { config } = await loadText('version: 0.1\nloglevel: warn');

    expect(config.log.level).toBe('warn');
  });

  it('may name its storage in short', async () => {
    const { config } = await loadText('version: 0.1\nstorage: filesystem');

    expect(config.storage.rootdirectory).toMatch(/\/data$/);
  });
});
