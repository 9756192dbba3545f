import { readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { loadConfig } from '../../../src/config/load.ts';
import { registry2Keys } from '../../../src/config/registry2.ts';
import { knownKeys } from '../../../src/config/schema.ts';
import { selfSigned } from '../../support/self-signed.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const text = readFileSync(new URL('../../../docs/configuration.md', import.meta.url), 'utf8');
const [own = '', ofRegistry2 = ''] = text.split("## registry:2's whole file");

/** Everything between backticks. */
const words = (part: string): ReadonlySet<string> =>
  new Set([...part.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.split(/[.{}, :]+/)));

describe('docs/configuration.md', () => {
  it("names every key of Entrepot's own", () => {
    const named = words(own);
    const keys = knownKeys.filter((key) => !registry2Keys.includes(key));

    expect(keys.filter((key) => !named.has(key.split('.').at(-1) ?? ''))).toEqual([]);
  });

  it("names every key of registry:2's, and what becomes of it", () => {
    const named = words(ofRegistry2);

    expect(registry2Keys.filter((key) => !named.has(key.split('.').at(-1) ?? ''))).toEqual([]);
  });
});

/**
 * Configurations, or sections of one, that a page shows; other programs' YAML has the command before it that
 * prints it.
 */
const shown = ['README.md', 'docs/configuration.md', 'docs/operations.md', 'docs/security.md'].flatMap(
  (page) =>
    [
      ...readFileSync(new URL(`../../../${page}`, import.meta.url), 'utf8').matchAll(/```yaml\n([^]*?)```/gu),
    ].map(([, block = ''], index) => ({ page, nth: index + 1, block })),
);

describe('what the documentation shows as configuration', () => {
  it('is there', () => {
    expect(shown.map(({ page }) => page)).toEqual(
      expect.arrayContaining(['README.md', 'docs/configuration.md']),
    );
  });

  it.each(shown)('can be used: $page, block $nth', async ({ block }) => {
    await using folder = await TempFolder.create();
    for (const secret of ['docker-hub-token', 'ghcr-token', 'htpasswd']) {
      await writeFile(folder.join(secret), 'geheim\n');
    }
    await writeFile(folder.join('our-ca.pem'), selfSigned.cert);
    const whole = block.startsWith('version:') ? block : `version: 0.1\n${block}`;
    await writeFile(folder.join('c.yml'), whole.replaceAll('/etc/entrepot/', `${folder.path}/`));
    // One account has its password there, and says so in a comment.
    const password = /REGISTRY_\w+_PASSWORD/.exec(block)?.[0];

    const load = () =>
      loadConfig({
        file: 'c.yml',
        directory: folder.path,
        environment: {
          DOCKER_AUTH_CONFIG: '{}',
          ...(password === undefined ? undefined : { [password]: 'geheim' }),
        },
      });

    expect(load).not.toThrow();
  });
});
