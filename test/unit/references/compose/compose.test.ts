import { describe, expect, it } from 'vitest';
import {
  imageReferenceText,
  parseImageReference,
  type ImageReference,
} from '../../../../src/oci/image-reference.ts';
import { platformText } from '../../../../src/oci/platform.ts';
import { BadFile } from '../../../../src/references/bad-file.ts';
import { findInCompose } from '../../../../src/references/compose/find-in-compose.ts';
import type { Found, FoundImage } from '../../../../src/references/found-image.ts';
import { ProjectInMemory } from '../../../support/project-in-memory.ts';
import { casesByTopic, type ComposeCase } from './compose-cases.ts';

const defaultNames = ['compose.yaml', 'compose.yml', 'docker-compose.yml', 'docker-compose.yaml'];

async function findIn(one: ComposeCase): Promise<Found> {
  const project = new ProjectInMemory(one.files);
  const inputs = one.inputs ?? defaultNames.filter((name) => name in one.files).slice(0, 1);
  const [first = '', ...overrides] = inputs;
  const context = project.context({
    environment: new Map(Object.entries(one.env ?? {})),
    envFiles: (one.envFiles ?? []).map((name) => project.file(name)),
    profiles: one.profiles ?? [],
    overrides: overrides.map((name) => project.file(name)),
    isFromFolder: one.inputs === undefined,
  });
  return await findInCompose(project.file(first), context);
}

/** What Compose would be seen to pull. */
function pulls({ images }: Found): readonly string[] {
  return images
    .filter(({ kind, reason }) => kind === 'compose' && /^(?:service|volume of|pre_start of) /u.test(reason))
    .map(pulledText);
}

/** It asks for a digest without the tag beside it. */
function pulledText({ reference, platform }: FoundImage): string {
  const asked = reference.digest === undefined ? reference : { ...reference, tag: undefined };
  return `${imageReferenceText(asked)}${platform === undefined ? '' : ` ${platformText(platform)}`}`;
}

/** `node linux/arm64` as {@link pulledText} has it. */
function basesText(text: string): string {
  const [image = '', platform] = text.split(' ');
  return [imageText(parseImageReference(image)), platform].filter((one) => one !== undefined).join(' ');
}

function unique(texts: readonly string[]): readonly string[] {
  return [...new Set(texts)].sort();
}

function references(texts: readonly string[]): readonly string[] {
  return unique(texts.map((text) => imageText(parseImageReference(text))));
}

function imageText(reference: ImageReference | undefined): string {
  return reference === undefined ? 'no reference' : imageReferenceText(reference);
}

/** Whether Compose does not get as far as to pull. */
function fails({ refuses, fails: failure, bakeRefuses }: ComposeCase): boolean {
  return [refuses, failure, bakeRefuses].some((one) => one !== undefined);
}

describe.each([...casesByTopic])('as Docker Compose: %s:', (_topic, cases) => {
  it.each(cases.map((one) => [one.name, one] as const))('%s', async (_name, one) => {
    const found = await findIn(one).catch((error: unknown) => {
      expect(error).toBeInstanceOf(BadFile);
      return undefined;
    });
    if (found === undefined) {
      expect(one, 'it is refused').toSatisfy(fails);
      return;
    }
    const { images, unresolved, problems } = found;
    expect(unique(pulls(found))).toEqual(unique(one.ours ?? one.pulls ?? []));
    if ((one.ours ?? one.unresolved) === undefined)
      expect(unresolved.length + problems.length > 0, 'something is told').toBe(fails(one));
    if (one.unresolved !== undefined) expect(unresolved.map(({ text }) => text)).toEqual(one.unresolved);
    if (one.models !== undefined) {
      const models = images.filter(({ reason }) => reason.startsWith('model '));
      expect(unique(models.map(({ reference }) => imageReferenceText(reference)))).toEqual(
        references(one.models),
      );
    }
    if (one.bases !== undefined) {
      const bases = images.filter(({ kind }) => kind === 'dockerfile');
      expect(unique(bases.map(pulledText))).toEqual(unique(one.bases.map(basesText)));
    }
  });
});
