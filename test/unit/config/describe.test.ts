import { describe, expect, it } from 'vitest';
import { describeConfig } from '../../../src/config/describe.ts';
import type { UpstreamConfig } from '../../../src/config/config.ts';
import { ConfigFolder } from '../../support/config-folder.ts';
import { selfSigned } from '../../support/self-signed.ts';

const mask = '********';

/** As it comes out of a printed configuration. */
function masked(upstream: UpstreamConfig): UpstreamConfig {
  const { credentials, proxy } = upstream;
  return {
    ...upstream,
    credentials: credentials?.kind === 'static' ? { ...credentials, password: mask } : credentials,
    proxy: proxy && { ...proxy, http: hidden(proxy.http), https: hidden(proxy.https) },
  };
}

function hidden(url: URL | undefined): URL | undefined {
  if (url === undefined || url.password === '') return url;
  const copy = new URL(url);
  copy.password = mask;
  return copy;
}

describe('a printed configuration', () => {
  it.each([
    ['of one upstream', 'proxy: { remoteurl: "https://ghcr.io", username: me, password: geheim, ttl: 90m }'],
    ['of nothing', 'log: { level: warn }'],
    ['of texts that look like numbers', 'log: { fields: { a: "007", b: "1e3", c: Infinity, d: NaN, e: 5 } }'],
    ['of a header without a value', "http: { headers: { X-A: [''] } }"],
    ['of space by share and by bytes', 'storage: { maxsize: 33.3%, minfree: 1234567, scrub: 0 }'],
    ['of a helper', 'proxy: { remoteurl: "https://ghcr.io", exec: { command: helper, lifetime: 1h } }'],
    ['of a helper that runs once', 'proxy: { remoteurl: "http://registry", exec: { command: /bin/helper } }'],
    ['behind a mirror', 'proxy: { mirror: "http://school:5000" }'],
    [
      'behind a mirror for some',
      'proxy: { mirror: { url: "https://school", username: me, password: geheim, ca: cert.pem, insecure: true } }\nupstreams: { docker.io: , ghcr.io: { username: me, password: geheim }, quay.io: { url: "https://q.corp" } }',
    ],
    ['of no plain upstream', 'upstreams: { ghcr.io: { credentials: "helper:x" }, quay.io: }'],
    [
      'of an address without logins',
      `http: { public: { addr: '[::1]:5001' } }\nauth: { htpasswd: { path: cert.pem } }\naccess: { anonymous: allow }`,
    ],
    [
      'of everything',
      `
log: { level: debug, formatter: json, fields: { site: x } }
storage: { delete: { enabled: true }, maxsize: 20GB, minfree: 2.5%, scrub: 24h, quotas: [{ match: 'docker.io/library/*', size: 1.5GiB }] }
pin: ['node:*', ghcr.io/acme/app]
http:
  addr: '[::1]:5000'
  headers: { X-A: [b, c] }
  tls: { certificate: cert.pem, key: key.pem, clientcas: [cert.pem], minimumtls: tls1.3, ciphersuites: [TLS_RSA_WITH_AES_128_CBC_SHA] }
proxy: { remoteurl: 'https://registry-1.docker.io', timeouts: { idle: 1m }, freshness: { default: 5s }, pullahead: { parallel: 5 }, ranges: { minsize: 17MiB } }
upstreams:
  docker.io: { credentials: docker-config, freshness: { rules: [{ match: '*:x', maxage: 1ms }] } }
  ghcr.io: { url: ['https://a.example', 'http://b.example:5000'], username: me, password: geheim, ca: cert.pem, insecure: true, quota: 7GiB }
  quay.io: { proxy: 'http://u:geheim@proxy.corp:3128', redirects: [cdn.lan], pullahead: { enabled: false }, ranges: { connections: 2 }, hosts: [quay.lan], listen: '127.0.0.1:0' }
auth:
  htpasswd: { realm: Ours, path: cert.pem }
  token: { realm: 'https://auth.example/token?x=y', service: s, issuer: i, rootcertbundle: cert.pem, jwks: key.pem, signingalgorithms: [ES256] }
  passthrough: true
access:
  anonymous: deny
  private: allow
  groups: { ops: [me, you], none: [] }
  rules: [{ match: 'ghcr.io/**', allow: ['group:ops', 'user:me'] }, { match: '**', allow: [] }]
  mirror: { allow: ['**'], deny: ['docker.io/evil/**'] }
catalog: { maxentries: 7 }
tags: { maxtags: 8 }
`,
    ],
  ])('%s reads back as it was, without its secrets', async (_what, text) => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': `version: 0.1\n${text}\n`,
      'cert.pem': selfSigned.cert,
      'key.pem': selfSigned.key,
    });
    const environment = { DOCKER_AUTH_CONFIG: '{"auths":{"ghcr.io":{"auth":"geheim"}}}' };
    const { config } = folder.load(environment);

    const printed = describeConfig(config);

    expect(printed).not.toContain('geheim');
    await using copy = await ConfigFolder.create({ 'entrepot.yml': printed });
    expect(copy.load(environment).config).toEqual({ ...config, upstreams: config.upstreams.map(masked) });
  });

  it('names the proxies of the environment', async () => {
    await using folder = await ConfigFolder.create();
    const environment = { HTTPS_PROXY: 'http://me:geheim@proxy.corp:3128', NO_PROXY: '.corp, 10.0.0.0/8' };
    const { config } = folder.loadEnvironment(environment);

    const printed = describeConfig(config);

    expect(printed).toMatch(
      /^# From the environment: HTTPS_PROXY=http:\/\/me:\*+@proxy\.corp:3128 NO_PROXY=\.corp, 10\.0\.0\.0\/8\n/,
    );
    expect(printed).not.toContain('geheim');
    await using copy = await ConfigFolder.create({ 'entrepot.yml': printed });
    expect(copy.load(environment).config).toEqual(config);
  });
});
