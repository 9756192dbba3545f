import { describe, expect, it } from 'vitest';
import { ConfigFolder, complaintAbout, loadText } from '../../support/config-folder.ts';

const gib = 2 ** 30;

describe('the space that may be taken', () => {
  it.each([
    ['maxsize: 20GiB', { maxsize: { bytes: 20 * gib } }],
    ['maxsize: 20GB', { maxsize: { bytes: 20e9 } }],
    ['maxsize: 1048576', { maxsize: { bytes: 1_048_576 } }],
    ['maxsize: 80%', { maxsize: { percent: 80 } }],
    ['maxsize: 100 %', { maxsize: { percent: 100 } }],
    ['minfree: 2.5%', { minfree: { percent: 2.5 } }],
    ['minfree: 5G', { minfree: { bytes: 5 * gib } }],
    ['minfree: 0', { minfree: { bytes: 0 } }],
    ['minfree: 0%', { minfree: { percent: 0 } }],
    ['scrub: 0', { scrubMs: 0 }],
    ['scrub: 24h', { scrubMs: 86_400_000 }],
  ])('can be given as %s', async (key, expected) => {
    const { config } = await loadText(`version: 0.1\nstorage: { ${key} }\n`);

    expect(config.storage).toMatchObject(expected);
  });

  it.each([
    ['maxsize: much', '"much" is not a size, such as 20GiB, or a share of the disk, such as 10%'],
    ['maxsize: 101%', '"101%" is not from 0% to 100%'],
    ['maxsize: -1%', '"-1%" is not from 0% to 100%'],
    ['maxsize: 0%', '0% leaves no room to store anything'],
    ['maxsize: 0', '"0" is less than one image takes'],
    ['maxsize: 20', '"20" is less than one image takes, did you mean 20GiB?'],
    ['maxsize: 512KiB', '"512KiB" is less than one image takes'],
    ['minfree: 100%', '100% leaves no room to store anything'],
    ['minfree: 10', '"10" is less than one image takes, did you mean 10GiB?'],
    ['minfree: 10 percent', '"10 percent" is not a size'],
    ['scrub: -1h', 'a duration cannot be negative'],
    ['scrub: monthly', '"monthly" is not a duration'],
  ])('cannot be given as %s', async (key, message) => {
    const name = key.slice(0, key.indexOf(':'));

    expect(await complaintAbout(`version: 0.1\nstorage: { ${key} }\n`)).toContain(
      `storage.${name}: ${message}`,
    );
  });

  it('can be given by the environment', async () => {
    await using folder = await ConfigFolder.create();

    const { config } = folder.loadEnvironment({
      REGISTRY_STORAGE_MAXSIZE: '20GiB',
      REGISTRY_STORAGE_MINFREE: '5%',
      REGISTRY_STORAGE_SCRUB: '24h',
      REGISTRY_STORAGE_QUOTAS_0: '{match: ghcr.io, size: 5GiB}',
      REGISTRY_UPSTREAMS_QUAY_IO_QUOTA: '1GiB',
      REGISTRY_PIN: '["node:*"]',
      REGISTRY_PIN_1: 'ghcr.io/acme/app:1',
    });

    expect(config.storage).toMatchObject({
      maxsize: { bytes: 20 * gib },
      minfree: { percent: 5 },
      scrubMs: 86_400_000,
      quotas: [
        { upstream: 'ghcr.io', bytes: 5 * gib },
        { upstream: 'quay.io', bytes: gib },
      ],
    });
    expect(config.pins).toEqual(['node:*', 'ghcr.io/acme/app:1']);
  });
});

const two = 'upstreams: { docker.io: , ghcr.io: }';

describe('a quota', () => {
  it.each([
    ["'ghcr.io'", { upstream: 'ghcr.io' }],
    ["'ghcr.io/*'", { upstream: 'ghcr.io' }],
    ["'ghcr.io/**'", { upstream: 'ghcr.io' }],
    ["'ghcr.io/acme/*'", { match: 'ghcr.io/acme/*' }],
    ["'docker.io/library/node'", { match: 'docker.io/library/node' }],
    ["'**'", { match: '**' }],
    ["'*/acme/**'", { match: '*/acme/**' }],
  ])('for %s is one for %o', async (match, expected) => {
    const { config } = await loadText(
      `version: 0.1\n${two}\nstorage: { quotas: [{ match: ${match}, size: 5GiB }] }\n`,
    );

    expect(config.storage.quotas).toEqual([{ ...expected, bytes: 5 * gib }]);
  });

  it.each([
    ["match: 'quay.io', size: 1GiB", 'storage.quotas[0].match: quay.io is not an upstream of this mirror'],
    ["match: 'ghrc.io/acme/app', size: 1GiB", 'did you mean ghcr.io/acme/app?'],
    ["match: 'index.docker.io/library/*', size: 1GiB", 'did you mean docker.io/library/*?'],
    ["match: 'library/*', size: 1GiB", 'did you mean docker.io/library/*?'],
    ["match: 'docker.io/node', size: 1GiB", 'did you mean docker.io/library/node?'],
    ["match: '*', size: 1GiB", 'did you mean **?'],
    ["match: 'ghcr.io/acme/app:1', size: 1GiB", 'it goes by repositories, without tags'],
    ["match: 'ghcr.io/{acme', size: 1GiB", 'has half a pair of {}'],
    ["match: 'ghcr.io', size: 50%", 'storage.quotas[0].size: "50%" is a share; write a size, such as 20GiB'],
    ["match: 'ghcr.io', size: 5", 'did you mean 5GiB?'],
    ["match: 'ghcr.io'", 'storage.quotas[0].size: is missing'],
  ])('cannot be { %s }', async (quota, message) => {
    expect(await complaintAbout(`version: 0.1\n${two}\nstorage: { quotas: [{ ${quota} }] }\n`)).toContain(
      message,
    );
  });

  it('may stand with its upstream, by whatever name', async () => {
    const { config } = await loadText(
      'version: 0.1\nupstreams: { index.docker.io: { quota: 5GiB }, ghcr.io: }\n',
    );

    expect(config.storage.quotas).toEqual([{ upstream: 'docker.io', bytes: 5 * gib }]);
  });

  it.each([
    [
      'in both places for one upstream',
      "upstreams: { docker.io: , ghcr.io: { quota: 1GiB } }\nstorage: { quotas: [{ match: 'ghcr.io/*', size: 2GiB }] }",
      'upstreams.ghcr.io.quota: ghcr.io has a quota already: storage.quotas[0].match; keep one of them',
    ],
    [
      'twice for one pattern',
      `${two}\nstorage: { quotas: [{ match: '**', size: 1GiB }, { match: '**', size: 2GiB }] }`,
      'storage.quotas[1].match: ** has a quota already: storage.quotas[0].match; keep one of them',
    ],
  ])('cannot be given %s', async (_, text, message) => {
    expect(await complaintAbout(`version: 0.1\n${text}\n`)).toContain(message);
  });
});

describe('a pin', () => {
  it.each([
    'docker.io/library/node:*',
    'docker.io/node:20',
    'node',
    'node:{20,22}',
    'library/node:20',
    'ghcr.io/*',
    'ghcr.io/acme/app:RC-1',
    `ghcr.io/acme/app@sha256:${'a'.repeat(64)}`,
    'node@sha256:*',
    '*:latest',
  ])('may be %s', async (pattern) => {
    const { config } = await loadText(`version: 0.1\n${two}\npin: '${pattern}'\n`);

    expect(config.pins).toEqual([pattern]);
  });

  it.each([
    ['quay.io/acme/app', 'quay.io is not an upstream of this mirror'],
    ['localhost:5000/app:1', 'localhost:5000 is not an upstream of this mirror'],
    ['registry-1.docker.io/library/node', 'did you mean docker.io/library/node?'],
    ['https://ghcr.io/acme/app', 'matches nothing, did you mean ghcr.io/acme/app?'],
    ['ghcr.io', 'ghcr.io is an upstream, did you mean ghcr.io/*?'],
    ['ghcr.io/', 'matches nothing, did you mean ghcr.io/*?'],
    ['ghcr.io/Acme/App:V1', 'did you mean ghcr.io/acme/app:V1?'],
    ['node:', 'there is no tag after the colon'],
    ['node@sha256:abc', 'what follows @ is no digest'],
    ['node:20@sha256:*', 'give a tag or a digest, did you mean node@sha256:*?'],
    ['node:[', 'half a pair of []'],
    ['!node', 'a character that is in no name'],
  ])('cannot be %s', async (pattern, message) => {
    const complaint = await complaintAbout(`version: 0.1\n${two}\npin: ['*:x', '${pattern}']\n`);

    expect(complaint).toContain('entrepot.yml:3:14: pin[1]: ');
    expect(complaint).toContain(message);
  });

  it('names its registry where plain names mean nothing', async () => {
    const noPlain = 'version: 0.1\nupstreams: { ghcr.io: , quay.io: }\n';

    expect(await complaintAbout(`${noPlain}pin: [node, acme/app:1]\n`)).toMatch(
      /pin\[0\]: plain names mean nothing here; patterns begin with one of ghcr\.io, quay\.io\n.*pin\[1\]: plain names/,
    );
    expect(await complaintAbout(`${noPlain}pin: ['ghcr.io/acme/app', '*:latest']\n`)).toBe('');
  });
});
