import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makeArtifact } from '../../support/artifact.ts';
import { ask, errorCode } from '../../support/ask.ts';
import { makeAttestedIndex } from '../../support/attested-index.ts';
import { podman5 } from '../../support/clients/podman-5.ts';
import { FakeHub } from '../../support/fake-hub.ts';
import type { Image } from '../../support/image.ts';
import { TestEntrepot } from '../../support/test-entrepot.ts';

const repository = 'library/hello';
const index = makeAttestedIndex(2);
const [own] = index.platforms as readonly [Image, ...Image[]];
const stemOf = ({ digest }: { readonly digest: string }): string => digest.replace(':', '-');

let hub: FakeHub;
let entrepot: TestEntrepot;

beforeEach(async () => {
  hub = await FakeHub.start();
  hub.addImage(repository, 'latest', index);
  entrepot = await TestEntrepot.start({ upstream: hub.url });
});

afterEach(async () => {
  await entrepot[Symbol.asyncDispose]();
  await hub.close();
});

/** An answer in a few words. */
async function told(path: string): Promise<string> {
  const answer = await ask(entrepot.url, `/v2/${repository}/${path}`);
  return answer.status === 200 ? '200' : `${answer.status} ${errorCode(answer)}`;
}

async function pull(): Promise<void> {
  const request = { origin: entrepot.url, repository, tag: 'latest', architecture: 'amd64' };
  using client = await podman5.pull(request);
  expect(client.exchanges.every(({ status }) => status === 200)).toBe(true);
}

/**
 * podman 5 and skopeo 1.22 with `use-sigstore-attachments`: behind the config they look for a signature of
 * the platform's manifest.
 */
async function pullWithSignatures(): Promise<string> {
  await pull();
  return told(`manifests/${stemOf(own)}.sig`);
}

/**
 * cosign 3 verify, with the tag and all that it leads to twice; the older form of signatures last, three
 * times where it fails.
 */
async function verify(): Promise<readonly string[]> {
  const words: string[] = [];
  for (let round = 0; round < 2; round += 1) {
    words.push(await told('manifests/latest'), await told(`referrers/${index.digest}`));
  }
  words.push(await told('manifests/latest'), await told(`manifests/${stemOf(index)}.sig`));
  return words;
}

const unsigned = ['200', '200', '200', '200', '200', '404 MANIFEST_UNKNOWN'];

function away(): void {
  hub.down();
  entrepot.clock.advance(3_600_000);
}

describe('an unsigned image, held, while the registry is away', () => {
  test('is pulled by podman and skopeo with use-sigstore-attachments, which had looked for its signature before', async () => {
    expect(await pullWithSignatures()).toBe('404 MANIFEST_UNKNOWN');
    away();
    expect(await pullWithSignatures()).toBe('404 MANIFEST_UNKNOWN');
    await entrepot.restart();
    expect(await pullWithSignatures()).toBe('404 MANIFEST_UNKNOWN');
  });

  test('is unsigned for cosign, which had verified it before, and no trouble', async () => {
    expect(await verify()).toEqual(unsigned);
    away();
    await entrepot.restart();
    expect(await verify()).toEqual(unsigned);
  });

  test('may be signed for all that is known where nobody has looked', async () => {
    await pull();
    away();
    expect(await told(`manifests/${stemOf(own)}.sig`)).toBe('503 UNAVAILABLE');
  });
});

describe('an image that is signed while a mirror knows it to be unsigned', () => {
  test('is signed at once, and in the next outage', async () => {
    expect(await pullWithSignatures()).toBe('404 MANIFEST_UNKNOWN');
    hub.addArtifact(repository, makeArtifact(), `${stemOf(own)}.sig`);
    expect(await pullWithSignatures()).toBe('200');
    away();
    expect(await pullWithSignatures()).toBe('200');
  });
});
