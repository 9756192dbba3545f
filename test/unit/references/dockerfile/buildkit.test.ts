import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { imageReferenceText } from '../../../../src/oci/image-reference.ts';
import { parsePlatforms, platformText, type Platform } from '../../../../src/oci/platform.ts';
import { findInDockerfile } from '../../../../src/references/dockerfile/find-in-dockerfile.ts';
import type { FoundImage } from '../../../../src/references/found-image.ts';

interface Case {
  readonly name: string;
  readonly dockerfile: string;
  readonly target?: string;
  readonly buildArgs?: Readonly<Record<string, string>>;
  readonly platform?: string;
  /** Those that BuildKit asked for; with a platform where it is not that of the build. */
  readonly images: readonly string[];
  /** Why BuildKit did not build it. */
  readonly error?: string;
}

const recorded = JSON.parse(readFileSync(new URL('buildkit-images.json', import.meta.url), 'utf8')) as {
  readonly version: string;
  readonly cases: readonly Case[];
};

/** What BuildKit refuses, though it says which images are meant. */
const lenient = new Set(['an ADD with from']);

function find({ dockerfile, target, buildArgs = {}, platform = 'linux/amd64' }: Case) {
  return findInDockerfile(
    { path: 'Dockerfile', folder: '.', text: dockerfile.replace(/^\uFEFF/u, '') },
    {
      target,
      buildArgs: new Map(Object.entries(buildArgs)),
      platforms: parsePlatforms(platform) as readonly Platform[],
      contexts: new Map(),
    },
  );
}

function text({ reference, platform }: FoundImage): string {
  const image = imageReferenceText(reference);
  return platform === undefined ? image : `${image} ${platformText(platform)}`;
}

/** The frontend, as BuildKit pulls it. */
function normalized(image: string): string {
  return image.replace(/^# syntax /u, 'docker.io/');
}

describe(`the images of a Dockerfile are those that BuildKit ${recorded.version} asks for`, () => {
  it.each(recorded.cases.filter(({ error }) => error === undefined))('$name', (one) => {
    const { images, problems, unresolved } = find(one);
    expect(problems).toEqual([]);
    expect(unresolved).toEqual([]);
    expect([...new Set(images.map(text))].sort()).toEqual(one.images.map(normalized).sort());
  });

  it.each(recorded.cases.filter(({ name, error }) => error !== undefined && !lenient.has(name)))(
    'not $name',
    (one) => {
      const { problems, unresolved } = find(one);
      expect(problems.length + unresolved.length, one.error).toBeGreaterThan(0);
    },
  );
});
