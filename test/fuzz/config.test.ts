import fc from 'fast-check';
import { expect, it } from 'vitest';
import { stringify } from 'yaml';
import { ConfigError } from '../../src/config/config-error.ts';
import { loadConfig } from '../../src/config/load.ts';
import { knownKeys } from '../../src/config/schema.ts';
import { ConfigFolder } from '../support/config-folder.ts';
import { TempFolder } from '../support/temp-folder.ts';

const secret = 'Zq7geheimZq7';

/** Values that mean something to some key, to YAML or to JavaScript, and the secret in places where it does not belong. */
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
    'filesystem',
    '0.1',
    '*:latest',
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
  fc.array(key, { minLength: 1, maxLength: 4 }).map((parts) => `REGISTRY_${parts.join('_')}`),
);
const environment = fc.dictionary(
  variable.filter((name) => name !== 'REGISTRY_CONFIGURATION_PATH'),
  fc.oneof(scalar.map(String), yaml),
  { maxKeys: 4 },
);

/** The error's message, or undefined when the configuration is fine. Anything but a ConfigError goes through. */
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
    { numRuns: 1500 },
  );
  expect(Object.prototype).not.toHaveProperty('addr');
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
    fc.property(fc.constantFrom('USERNAME', 'PASSWORD'), wrapped, (name, value) => {
      const message = complaint(() =>
        loadConfig({ environment: { [`REGISTRY_PROXY_${name}`]: value }, directory: folder.path }),
      );
      expect(message ?? '').not.toContain(secret);
    }),
    { numRuns: 2000 },
  );
});
