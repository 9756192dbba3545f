import { describe, expect, it } from 'vitest';
import { ConfigFolder, complaintAbout, complaintOf, loadText } from '../../support/config-folder.ts';

const file =
  'version: 0.1\nhttp: { addr: ":5000", headers: { X-One: [a] } }\nproxy: { remoteurl: "https://ghcr.io", ttl: 1h }\n';

describe('the environment', () => {
  it('wins over the file', async () => {
    const { config } = await loadText(file, {
      REGISTRY_HTTP_ADDR: '127.0.0.1:5001',
      REGISTRY_PROXY_TTL: '2h',
      REGISTRY_PROXY_USERNAME: '123',
      REGISTRY_PROXY_PASSWORD: '0456',
    });

    expect(config.http.addr).toEqual({ host: '127.0.0.1', port: 5001 });
    expect(config.ttlMs).toBe(7_200_000);
    expect(config.upstreams[0].credentials).toEqual({ kind: 'static', username: '123', password: '0456' });
    expect(config.http.headers).toEqual({ 'X-One': ['a'] });
  });

  it('takes YAML for whole sections, and more special variables after them', async () => {
    const { config } = await loadText(file, {
      REGISTRY_HTTP_ADDR: ':5002',
      REGISTRY_HTTP: '{ addr: ":5001", draintimeout: 1s }',
    });

    expect(config.http).toMatchObject({ addr: { port: 5002 }, draintimeoutMs: 1000, headers: {} });
  });

  it('finds keys in any case, and adds those that are not there', async () => {
    const { config } = await loadText(file, {
      'REGISTRY_HTTP_HEADERS_X-ONE': '[b]',
      'REGISTRY_HTTP_HEADERS_X-Two': 'c',
    });

    expect(config.http.headers).toEqual({ 'X-One': ['b'], 'x-two': ['c'] });
  });

  it('counts places in lists', async () => {
    const { config } = await loadText(file, {
      REGISTRY_PROXY_FRESHNESS_RULES_0_MATCH: "'*:latest'",
      REGISTRY_PROXY_FRESHNESS_RULES_0_MAXAGE: '1s',
      REGISTRY_PROXY_FRESHNESS_RULES_1: '{ match: "*:edge", maxage: 2s }',
    });

    expect(config.upstreams[0].freshness.rules).toEqual([
      { match: '*:latest', maxAgeMs: 1000 },
      { match: '*:edge', maxAgeMs: 2000 },
    ]);
  });

  it('is the whole configuration when there is no file', async () => {
    await using folder = await ConfigFolder.create();

    const { config } = folder.loadEnvironment({ REGISTRY_PROXY_REMOTEURL: 'https://quay.io' });

    expect(config.upstreams[0].name).toBe('quay.io');
  });

  it('names the file with REGISTRY_CONFIGURATION_PATH', async () => {
    await using folder = await ConfigFolder.create({ 'other.yml': file });

    const { config } = folder.loadEnvironment({ REGISTRY_CONFIGURATION_PATH: 'other.yml' });

    expect(config.upstreams[0].name).toBe('ghcr.io');
    expect(complaintOf(() => folder.loadEnvironment({ REGISTRY_CONFIGURATION_PATH: 'none.yml' }))).toBe(
      'REGISTRY_CONFIGURATION_PATH: none.yml does not exist',
    );
  });

  it('is left alone where Kubernetes fills it for a service called registry', async () => {
    const { warnings } = await loadText(file, {
      REGISTRY_PORT: 'tcp://10.0.0.1:5000',
      REGISTRY_SERVICE_HOST: '10.0.0.1',
    });

    expect(warnings).toEqual([
      'these environment variables name no key and are ignored: REGISTRY_PORT, REGISTRY_SERVICE_HOST',
    ]);
  });

  // https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
  it('is left alone where Kubernetes fills it for a service whose name begins so, with one warning', async () => {
    const links = {
      REGISTRY_AUTH_TOKEN_SERVICE_HOST: '10.0.0.2',
      REGISTRY_HTTPS_PORT: 'tcp://10.0.0.2:443',
      REGISTRY_HTTP_PORT: 'tcp://[fd00::2]:5000',
      REGISTRY_HTTP_PORT_5000_TCP: 'tcp://10.0.0.2:5000',
      REGISTRY_HTTP_PORT_5000_TCP_ADDR: '10.0.0.2',
      REGISTRY_HTTP_PORT_5000_TCP_PORT: '5000',
      REGISTRY_HTTP_PORT_5000_TCP_PROTO: 'tcp',
      REGISTRY_PROXY_PORT_53_UDP: 'udp://10.0.0.2:53',
      REGISTRY_PROXY_SERVICE_HOST: '10.0.0.2',
      REGISTRY_PROXY_SERVICE_PORT: '5000',
      REGISTRY_PROXY_SERVICE_PORT_HTTP_API: '5000',
      REGISTRY_UPSTREAMS_SERVICE_HOST: 'fd00::2',
    };

    const { warnings } = await loadText(file, links);

    expect(warnings).toEqual([
      `these environment variables name no key and are ignored: ${Object.keys(links).join(', ')}`,
    ]);
  });

  it.each([
    ['REGISTRY_PROXY_SERVICE_HOST', 'registry.lan', 'proxy.service: unknown key'],
    ['REGISTRY_PROXY_PORT', '5000', 'proxy.port: unknown key'],
    ['REGISTRY_PROXY_PORT', 'https://10.0.0.2:5000', 'proxy.port: unknown key'],
    ['REGISTRY_HTTP_PORT_5000_TCP_ADDR', ':5000', 'http.port: unknown key'],
    ['REGISTRY_PROXY_service_host', '10.0.0.2', 'proxy.service: unknown key'],
  ])('is a slip where only its name is like those of services: %s=%s', async (variable, value, message) => {
    expect(await complaintAbout(file, { [variable]: value })).toContain(message);
  });

  it('is a setting where the file has a key of such a name', async () => {
    const { config, warnings } = await loadText(`${file}\nlog: { fields: { service_host: here } }\n`, {
      REGISTRY_LOG_FIELDS_SERVICE_HOST: '10.0.0.2',
    });

    expect(config.log.fields).toEqual({ service_host: '10.0.0.2' });
    expect(warnings).toEqual([]);
  });

  it.each([
    ['REGISTRY_PROXY_TTL', 'soon', 'proxy.ttl: "soon" is not a duration'],
    ['REGISTRY_PROXY_REMOTEULR', 'x', 'proxy.remoteulr: unknown key, did you mean proxy.remoteurl?'],
    ['REGISTRY_PROXI_REMOTEURL', 'x', 'proxi: unknown key, did you mean proxy?'],
    ['REGISTRY_PROXY_PASSWORD', '*geheim', 'not valid YAML: an alias to an anchor that does not exist'],
    ['REGISTRY_PROXY_PASSWORD', '"geheim', 'not valid YAML: a bracket, a quote'],
    ['REGISTRY_PROXY_FRESHNESS_RULES_0_MATCH_X', 'x', 'proxy.freshness.rules[0]'],
    ['REGISTRY_AUTH', 'htpasswd', 'auth: expected a section'],
  ])('is named in the complaint about %s=%s', async (variable, value, message) => {
    const complaint = await complaintAbout(file, { [variable]: value });

    expect(complaint).toMatch(new RegExp(`^${variable}: `));
    expect(complaint).toContain(message);
    expect(complaint).not.toContain('geheim');
  });

  it('cannot skip a place in a list', async () => {
    const list = file.replace('ttl: 1h', 'freshness: { rules: [{ match: "*", maxage: 1s }] }');

    expect(await complaintAbout(list, { REGISTRY_PROXY_FRESHNESS_RULES_2_MATCH: 'x' })).toBe(
      'REGISTRY_PROXY_FRESHNESS_RULES_2_MATCH: proxy.freshness.rules is a list: "2" is not a place in it',
    );
  });
});

describe('a variable for one upstream', () => {
  const hosts = `version: 0.1
upstreams:
  my-registry.example.com:5000: { username: me }
  ghcr.io:
`;
  const credentials = (folder: ConfigFolder, environment: Record<string, string>) =>
    Object.fromEntries(folder.load(environment).config.upstreams.map((one) => [one.name, one.credentials]));

  it('writes _ for what a name of a variable cannot hold', async () => {
    await using folder = await ConfigFolder.create({ 'entrepot.yml': hosts });

    const found = credentials(folder, {
      REGISTRY_UPSTREAMS_MY_REGISTRY_EXAMPLE_COM_5000_PASSWORD: 'geheim',
      REGISTRY_UPSTREAMS_GHCR_IO: '{ username: me, password: geheim }',
      REGISTRY_UPSTREAMS_QUAY_IO_CREDENTIALS: 'helper:x',
    });

    expect(found).toMatchObject({
      'my-registry.example.com:5000': { username: 'me', password: 'geheim' },
      'ghcr.io': { username: 'me', password: 'geheim' },
      'quay.io': { kind: 'helper' },
    });
  });

  it('may write the name as it is, known or not', async () => {
    await using folder = await ConfigFolder.create({ 'entrepot.yml': hosts });

    const { config } = folder.load({
      'REGISTRY_UPSTREAMS_My-Registry.example.com:5000_PASSWORD': 'geheim',
      'REGISTRY_UPSTREAMS_new.example.com_URL': 'http://10.0.0.7:5000',
    });

    expect(config.upstreams.map(({ name }) => name)).toEqual([
      'my-registry.example.com:5000',
      'ghcr.io',
      'new.example.com',
    ]);
    expect(config.upstreams[0].credentials).toMatchObject({ password: 'geheim' });
  });

  it('means the longest name that it spells', async () => {
    const { config } = await loadText('version: 0.1\nupstreams: { acme.io: , acme.io.example.com: }\n', {
      REGISTRY_UPSTREAMS_ACME_IO_EXAMPLE_COM_LISTEN: ':5001',
      REGISTRY_UPSTREAMS_ACME_IO_LISTEN: ':5002',
    });

    expect(config.upstreams.map(({ name, listen }) => [name, listen?.port])).toEqual([
      ['acme.io', 5002],
      ['acme.io.example.com', 5001],
    ]);
  });

  it('adds to the usual registries when nothing else names any', async () => {
    await using folder = await ConfigFolder.create();

    const { config } = folder.loadEnvironment({
      REGISTRY_UPSTREAMS_GHCR_IO_USERNAME: 'me',
      REGISTRY_UPSTREAMS_GHCR_IO_PASSWORD: 'geheim',
    });

    expect(config.plain).toBe('docker.io');
    expect(config.upstreams).toHaveLength(10);
    expect(config.upstreams.find(({ name }) => name === 'ghcr.io')?.credentials).toMatchObject({
      username: 'me',
    });
  });

  it('stands beside REGISTRY_UPSTREAMS, which names them all', async () => {
    await using folder = await ConfigFolder.create();

    const { config } = folder.loadEnvironment({
      REGISTRY_UPSTREAMS: '{ registry.example.com: { username: me } }',
      REGISTRY_UPSTREAMS_REGISTRY_EXAMPLE_COM_PASSWORD: 'geheim',
    });

    expect(config.upstreams.map(({ name, credentials: found }) => [name, found])).toEqual([
      ['registry.example.com', { kind: 'static', username: 'me', password: 'geheim' }],
    ]);
  });

  it.each([
    ['REGISTRY_UPSTREAMS_NEW_EXAMPLE_COM_URL', 'names no well-known registry and none of the file'],
    [
      'REGISTRY_UPSTREAMS_A_B_EXAMPLE_PASSWORD',
      'may mean a-b.example or a.b.example: write the name as it is',
    ],
    ['REGISTRY_UPSTREAMS_GHCR_IO_PASWORD', 'upstreams.ghcr.io.pasword: unknown key, did you mean'],
  ])('is refused when it is unclear: %s', async (variable, message) => {
    const complaint = await complaintAbout('version: 0.1\nupstreams: { a-b.example: , a.b.example: }\n', {
      [variable]: 'geheim',
    });

    expect(complaint).toContain(`${variable}: `);
    expect(complaint).toContain(message);
    expect(complaint).not.toContain('geheim');
  });
});
