import { describe, expect, it } from 'vitest';
import { complaintAbout, loadText } from '../../support/config-folder.ts';

const file = 'version: 0.1\nupstreams: { ghcr.io: , quay.io: { proxy: none } }\n';

describe("the environment's proxies", () => {
  it.each([
    [{ HTTPS_PROXY: 'http://proxy:3128' }, undefined, 'http://proxy:3128/', ''],
    [{ HTTP_PROXY: 'proxy:3128', NO_PROXY: '.corp' }, 'http://proxy:3128/', undefined, '.corp'],
    [{ https_proxy: 'https://proxy', no_proxy: '*.lan' }, undefined, 'https://proxy/', '*.lan'],
    [{ HTTPS_PROXY: 'http://a', https_proxy: 'http://b' }, undefined, 'http://a/', ''],
    [{ HTTPS_PROXY: '', https_proxy: 'http://b' }, undefined, 'http://b/', ''],
  ])('%j are those of upstreams that say nothing else', async (environment, http, https, noProxy) => {
    const { config } = await loadText(file, environment);

    const [first, second] = config.upstreams;
    expect(first.proxy).toEqual({
      http: http && new URL(http),
      https: https && new URL(https),
      noProxy,
      forLoopback: false,
    });
    expect(second?.proxy).toBeUndefined();
  });

  it('are none when only NO_PROXY is set', async () => {
    const { config } = await loadText(file, { NO_PROXY: '*' });

    expect(config.upstreams[0].proxy).toBeUndefined();
  });

  it.each([
    ['socks5://me:geheim@proxy', 'only http:// and https:// proxies are supported'],
    ['http://me:geheim@', 'is not the URL of a proxy'],
    ['http://me:geheim@proxy/path', "a proxy's URL ends with its port"],
  ])('are refused as %s, without a word of it', async (value, message) => {
    const complaint = await complaintAbout(file, { https_proxy: value });

    expect(complaint).toContain(`https_proxy: ${message}`);
    expect(complaint).not.toContain('geheim');
  });
});

describe("an upstream's own proxy", () => {
  it("wins over the environment's, and has no exceptions", async () => {
    const { config } = await loadText('version: 0.1\nupstreams: { ghcr.io: { proxy: "http://own:1" } }\n', {
      HTTPS_PROXY: 'http://other:2',
      NO_PROXY: 'ghcr.io',
    });

    const url = new URL('http://own:1');
    expect(config.upstreams[0].proxy).toEqual({ http: url, https: url, noProxy: '', forLoopback: true });
  });

  it.each(['nonne', 'proxy.corp:3128', 'socks5://me:geheim@proxy'])('is refused as %s', async (proxy) => {
    const complaint = await complaintAbout(`version: 0.1\nupstreams: { ghcr.io: { proxy: "${proxy}" } }\n`);

    expect(complaint).toMatch(/^entrepot\.yml:2:\d+: upstreams\.ghcr\.io\.proxy: /);
    expect(complaint).not.toContain('geheim');
  });
});
