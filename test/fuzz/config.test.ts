import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError } from '../../src/config/config-error.ts';
import { describeConfig } from '../../src/config/describe.ts';
import { loadConfig } from '../../src/config/load.ts';
import { anyKey, knownKeys } from '../../src/config/schema.ts';
import { ConfigFolder } from '../support/config-folder.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { repeats } from '../support/depth.ts';

const secret = 'Zq7geheimZq7';

/**
 * Values that mean something to some key, to YAML or to JavaScript, and the secret in places where it does
 * not belong.
 */
const scalar = fc.oneof(
  fc.constantFrom(
    '',
    '0',
    '1h',
    ':5000',
    'true',
    'null',
    '~',
    'https://ghcr.io',
    'docker-config',
    'helper:x',
    'group:x',
    'ghcr.io/**',
    '/dev/zero',
    '/dev/stdin',
    'filesystem',
    '0.1',
    '*:latest',
    '20GiB',
    '10%',
    'ghcr.io/*',
  ),
  fc.constantFrom(
    '__proto__',
    'constructor',
    '&a',
    '*a',
    '<<',
    '!!js/function',
    '%',
    '@',
    '`',
    '{',
    '[',
    '- ',
    ': ',
    '#',
  ),
  fc.constantFrom(secret, `https://u:${secret}@h`, `*${secret}`, `"${secret}`, `{${secret}`),
  fc.string({ unit: 'binary', maxLength: 12 }),
  fc.integer(),
  fc.double(),
  fc.boolean(),
  fc.constant(null),
);
const key = fc.oneof(
  { weight: 5, arbitrary: fc.constantFrom(...new Set(knownKeys.flatMap((known) => known.split('.')))) },
  {
    weight: 1,
    arbitrary: fc.constantFrom('ghcr.io', 'GHCR.IO', 'docker.io', 'index.docker.io', '*.io', 'a', '[::1]:1'),
  },
  { weight: 1, arbitrary: fc.constantFrom('__proto__', 'constructor', 'toString', '0', '<<', '') },
  { weight: 1, arbitrary: fc.string({ maxLength: 6 }) },
);
const { tree } = fc.letrec((tie) => ({
  tree: fc.oneof(
    { maxDepth: 5, depthSize: 'small' },
    scalar,
    fc.dictionary(key, tie('tree'), { maxKeys: 5 }),
    fc.array(tie('tree'), { maxLength: 3 }),
  ),
}));
const yaml = fc.oneof(
  fc
    .tuple(fc.boolean(), tree)
    .map(([version, value]) => `${version ? 'version: 0.1\n' : ''}${stringify(value)}`),
  fc
    .array(
      fc.oneof(
        fc.constantFrom(
          'a: ',
          '&a ',
          '*a',
          '- ',
          '{',
          '}',
          '[',
          ']',
          '\n',
          '  ',
          ': ',
          '? ',
          '"',
          '|',
          '>',
          '<<: ',
        ),
        key,
      ),
      { maxLength: 30 },
    )
    .map((parts) => parts.join('')),
  fc.string({ unit: 'binary', maxLength: 200 }),
);
const variable = fc.oneof(
  fc.constantFrom(...knownKeys).map((known) => `REGISTRY_${known.replaceAll('.', '_').toUpperCase()}`),
  fc
    .constantFrom(...knownKeys.filter((known) => known.startsWith('upstreams.')))
    .map((known) => `REGISTRY_${known.replace(anyKey, 'GHCR_IO').replaceAll('.', '_').toUpperCase()}`),
  fc.array(key, { minLength: 1, maxLength: 4 }).map((parts) => `REGISTRY_${parts.join('_')}`),
  fc.constantFrom('HTTPS_PROXY', 'http_proxy', 'NO_PROXY', 'DOCKER_AUTH_CONFIG', 'DOCKER_CONFIG', 'HOME'),
);
const environment = fc.dictionary(
  variable.filter((name) => name !== 'REGISTRY_CONFIGURATION_PATH'),
  fc.oneof(scalar.map(String), yaml),
  { maxKeys: 4 },
);

/** Variables whose values nobody else is to see. */
const secretVariables = [
  'REGISTRY_PROXY_USERNAME',
  'REGISTRY_PROXY_PASSWORD',
  'REGISTRY_UPSTREAMS_GHCR_IO_PASSWORD',
  'REGISTRY_UPSTREAMS_GHCR_IO_CREDENTIALS',
  'REGISTRY_UPSTREAMS_GHCR_IO_PROXY',
  'HTTPS_PROXY',
  'DOCKER_AUTH_CONFIG',
];

/**
 * The error's message, or undefined when the configuration is fine. Anything but a ConfigError goes through.
 */
function complaint(load: () => unknown): string | undefined {
  try {
    load();
    return undefined;
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return error.message;
  }
}

it('a file of any content and any environment load or are refused with a ConfigError', async () => {
  await fc.assert(
    fc.asyncProperty(yaml, environment, async (text, variables) => {
      await using folder = await ConfigFolder.create({ 'entrepot.yml': text });
      const message = complaint(() => folder.load(variables));
      expect(message).not.toBe('');
    }),
    { numRuns: repeats(200, 1000) },
  );
  expect(Object.prototype).not.toHaveProperty('addr');
});

it('what loads is printed as a file that loads to the same', async () => {
  await using folder = await TempFolder.create();
  const word = fc.stringMatching(/^[a-z][a-z0-9-]{0,8}$/);
  const host = fc.tuple(word, word).map((parts) => `${parts.join('.')}.example`);
  const size = fc.oneof(
    fc.integer({ min: 2 ** 20 }).map(String),
    fc
      .tuple(fc.integer({ min: 2, max: 5000 }), fc.constantFrom('MiB', 'MB', 'g', 'TB'))
      .map((parts) => parts.join('')),
  );
  const limit = fc.oneof(
    size,
    fc.integer({ min: 1, max: 999 }).map((tenths) => `${tenths / 10}%`),
  );
  const storage = fc.record(
    {
      maxsize: limit,
      minfree: limit,
      scrub: fc.integer({ min: 0, max: 1000 }).map((hours) => `${hours}h`),
      quotas: fc.uniqueArray(fc.record({ match: word.map((name) => `*/${name}/*`), size }), {
        maxLength: 3,
        selector: ({ match }) => match,
      }),
    },
    { requiredKeys: [] },
  );
  const ms = fc.integer({ min: 1, max: 10 ** 9 });
  const given = fc.record(
    {
      url: fc.array(
        host.map((name) => `https://${name}`),
        { minLength: 1, maxLength: 3 },
      ),
      insecure: fc.boolean(),
      quota: size,
      redirects: fc.array(host, { maxLength: 2 }),
      freshness: fc.record({
        default: ms.map((value) => `${value}ms`),
        gone: fc.constantFrom('keep', 'drop'),
      }),
      pullahead: fc.record({ enabled: fc.boolean(), parallel: fc.integer({ min: 1, max: 64 }) }),
      ranges: fc.record({ connections: fc.integer({ min: 1, max: 64 }), minsize: size }),
      credentials: word
        .filter((name) => !name.startsWith('docker-credential-'))
        .map((name) => `helper:${name}`),
      proxy: fc.oneof(
        fc.constant('none'),
        host.map((name) => `http://${name}:3128`),
      ),
    },
    { requiredKeys: [] },
  );
  const upstreams = fc.dictionary(fc.oneof(host, fc.constantFrom('docker.io', 'ghcr.io')), given, {
    minKeys: 1,
  });
  await fc.assert(
    fc.asyncProperty(upstreams, storage, async (section, space) => {
      const environment = {
        REGISTRY_UPSTREAMS: JSON.stringify(section),
        REGISTRY_STORAGE: JSON.stringify(space),
      };
      const { config } = loadConfig({ environment, directory: folder.path });
      await using printed = await ConfigFolder.create({ 'entrepot.yml': describeConfig(config) });
      expect(printed.load().config).toEqual(config);
    }),
    { numRuns: repeats(20, 100) },
  );
});

it('no value of a key for secrets ever shows in a complaint', async () => {
  await using folder = await TempFolder.create();
  const wrapped = fc.oneof(
    fc.constantFrom(
      secret,
      `*${secret}`,
      `"${secret}`,
      `@${secret}`,
      `{a: ${secret}`,
      `[${secret}]`,
      `!${secret} x`,
      `{a: ${secret}}`,
      `${secret}: b: c`,
      `&a ${secret} *b`,
      `"\\q${secret}"`,
      `|${secret}`,
    ),
    fc
      .tuple(fc.string({ maxLength: 5 }), fc.string({ maxLength: 5 }))
      .map(([before, after]) => before + secret + after),
  );
  fc.assert(
    fc.property(fc.constantFrom(...secretVariables), wrapped, (variable, value) => {
      const message = complaint(() =>
        loadConfig({ environment: { [variable]: value }, directory: folder.path }),
      );
      expect(message ?? '').not.toContain(secret);
    }),
    { numRuns: repeats(400, 2000) },
  );
});
