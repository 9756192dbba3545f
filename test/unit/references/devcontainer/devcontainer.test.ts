import { describe, expect, it } from 'vitest';
import { imageReferenceText } from '../../../../src/oci/image-reference.ts';
import { platformText } from '../../../../src/oci/platform.ts';
import { findInDevContainer } from '../../../../src/references/devcontainer/find-in-devcontainer.ts';
import type { Found } from '../../../../src/references/found-image.ts';
import type { ParseContext } from '../../../../src/references/parse-context.ts';
import { ProjectInMemory } from '../../../support/project-in-memory.ts';

const name = '.devcontainer/devcontainer.json';

async function findIn(
  text: string,
  files: Readonly<Record<string, string>> = {},
  more: Partial<ParseContext> = {},
): Promise<Found> {
  const project = new ProjectInMemory({ [name]: text, ...files });
  return await findInDevContainer(project.file(name), project.context(more));
}

/** What is found, with the line and the platform where there is one. */
function lines({ images }: Found): readonly string[] {
  return images.map(({ reference, platform, line }) =>
    [
      `${line}:`,
      imageReferenceText(reference),
      ...(platform === undefined ? [] : [platformText(platform)]),
    ].join(' '),
  );
}

// As the Dev Containers CLI 0.89.0 asks docker, Docker Compose and registries.
describe('a Dev Container', () => {
  it('is an image', async () => {
    expect(
      lines(await findIn('{\n  // the image\n  "image": "mcr.microsoft.com/devcontainers/base:noble",\n}')),
    ).toEqual(['3: mcr.microsoft.com/devcontainers/base:noble']);
  });

  it('is an image of a platform that it is run for', async () => {
    const text = '{"image": "node", "runArgs": ["--init", "--platform=linux/arm64"]}';
    expect(lines(await findIn(text))).toEqual(['1: docker.io/library/node:latest linux/arm64']);
  });

  it('takes variables of this machine', async () => {
    const text = '{"image": "node:${localEnv:TAG}-${env:SYSTEM:alpine}"}';
    const found = await findIn(text, {}, { environment: new Map([['TAG', '22']]) });
    expect(lines(found)).toEqual(['1: docker.io/library/node:22-alpine']);
  });

  it('says which variable its image lacks', async () => {
    expect((await findIn('{"image": "node:${localEnv:TAG}"}')).unresolved).toEqual([
      {
        file: `/project/${name}`,
        line: 1,
        text: 'node:${localEnv:TAG}',
        problem: 'TAG is not set',
        advice: '--env TAG=…',
      },
    ]);
  });

  it('is built from a Dockerfile beside it', async () => {
    const text = `{"build": {"dockerfile": "../Dockerfile", "context": "..", "target": "dev",
      "args": {"V": "\${localEnv:V:3.20}"}, "options": ["--build-arg=W=1", "--build-context", "tools=docker-image://acme/tools"]}}`;
    const dockerfile =
      'ARG V\nARG W\nFROM alpine:$V AS dev\nCOPY --from=tools / /\nCOPY --from=x:$W / /\nFROM busybox\n';
    expect(
      lines(await findIn(text, { Dockerfile: dockerfile.replace('COPY --from=x:$W / /\n', '') })),
    ).toEqual(['3: docker.io/library/alpine:3.20', '4: docker.io/acme/tools:latest']);
  });

  it('is built from a Dockerfile that is named as it used to be', async () => {
    expect(
      lines(await findIn('{"dockerFile": "Dockerfile"}', { '.devcontainer/Dockerfile': 'FROM node' })),
    ).toEqual(['1: docker.io/library/node:latest']);
  });

  it('is built for the platform that its options name', async () => {
    const text = '{"build": {"dockerfile": "Dockerfile", "options": ["--platform", "linux/arm64"]}}';
    const files = { '.devcontainer/Dockerfile': 'ARG TARGETARCH\nFROM node:$TARGETARCH' };
    expect(lines(await findIn(text, files))).toEqual(['2: docker.io/library/node:arm64 linux/arm64']);
  });

  it('tells of a Dockerfile that does not exist', async () => {
    const { unresolved } = await findIn('{"build": {"dockerfile": "Dockerfile"}}');
    expect(unresolved).toMatchObject([
      { line: 1, text: 'Dockerfile', problem: 'its Dockerfile does not exist' },
    ]);
  });

  const compose = `services:
  app: {image: "alpine:\${T:-1}", depends_on: [db]}
  db: {image: pg}
  other: {image: redis}
  debug: {image: busybox, profiles: [debug]}
`;

  it('is a service of Compose files, which are started together', async () => {
    const text = '{"dockerComposeFile": "c.yml", "service": "app", "workspaceFolder": "/"}';
    expect(lines(await findIn(text, { '.devcontainer/c.yml': compose }))).toEqual([
      '2: docker.io/library/alpine:1',
      '3: docker.io/library/pg:latest',
      '4: docker.io/library/redis:latest',
    ]);
  });

  it('starts only the services that it names, and what they need', async () => {
    const text = '{"dockerComposeFile": ["../c.yml"], "service": "app", "runServices": ["debug"]}';
    expect(lines(await findIn(text, { 'c.yml': compose, '.env': 'T=2' }))).toEqual([
      '5: docker.io/library/busybox:latest',
      '2: docker.io/library/alpine:2',
      '3: docker.io/library/pg:latest',
    ]);
  });

  it('refuses a Compose file that does not exist', async () => {
    await expect(findIn('{\n"dockerComposeFile": "none.yml"}')).rejects.toMatchObject({
      line: 2,
      message: 'is made of none.yml, which does not exist',
    });
  });

  it('refuses what says nothing of an image', async () => {
    await expect(findIn('{"name": "x"}')).rejects.toMatchObject({
      message: expect.stringContaining('neither an image') as string,
    });
  });

  it('passes over malformed JSON, and says so', async () => {
    const found = await findIn('{\n"image": "node" "name": "x"}');
    expect(lines(found)).toEqual(['2: docker.io/library/node:latest']);
    expect(found.notes).toMatchObject([{ line: 2 }]);
  });

  it('refuses what is no object', async () => {
    await expect(findIn('FROM node')).rejects.toMatchObject({ message: 'is no JSON object' });
  });

  it('refuses what is nested without end', async () => {
    await expect(findIn(`{"a":${'['.repeat(1_000_000)}`)).rejects.toMatchObject({
      message: 'is nested more than 200 levels deep',
    });
  });
});

describe('features of a Dev Container', () => {
  async function features(
    list: string,
    files: Readonly<Record<string, string>> = {},
    more: Partial<ParseContext> = {},
  ): Promise<Found> {
    return await findIn(`{"image": "node",\n"features": {${list}}}`, files, more);
  }

  it('are artifacts of registries', async () => {
    const found = await features('"ghcr.io/devcontainers/features/go:1": {}, "ghcr.io/Acme/x": {}');
    expect(lines(found).slice(1)).toEqual([
      '2: ghcr.io/devcontainers/features/go:1',
      '2: ghcr.io/acme/x:latest',
    ]);
    expect(found.notes).toMatchObject([{ message: 'features that these features need are not known here' }]);
  });

  it('may have the names that they had once', async () => {
    expect(lines(await features('"node": "lts", "golang": {}, "maven": {}')).slice(1)).toEqual([
      '2: ghcr.io/devcontainers/features/node:1',
      '2: ghcr.io/devcontainers/features/go:1',
      '2: ghcr.io/devcontainers/features/java:1',
    ]);
  });

  it('may be folders, which need others', async () => {
    const files = {
      '.devcontainer/local/devcontainer-feature.json':
        '{"dependsOn": {"ghcr.io/acme/y:2": {}, "../two": {}}}',
    };
    expect(lines(await features('"./local": {}', files)).slice(1)).toEqual(['1: ghcr.io/acme/y:2']);
  });

  it('are those that a lock file has, with what they need', async () => {
    const digest = `sha256:${'a'.repeat(64)}`;
    const lock = {
      features: { 'ghcr.io/acme/x:1': { integrity: digest }, 'ghcr.io/acme/y:2': { integrity: digest } },
    };
    const found = await features('"ghcr.io/acme/x:1": {}', {
      '.devcontainer/devcontainer-lock.json': JSON.stringify(lock),
    });
    expect(lines(found).slice(1)).toEqual([`2: ghcr.io/acme/x@${digest}`, `2: ghcr.io/acme/y@${digest}`]);
    expect(found.notes).toEqual([]);
  });

  it('may come from elsewhere than registries', async () => {
    const { notes, problems } = await features(
      '"https://example.com/devcontainer-feature-x.tgz": {}, "acme/repo/x": {}, "fish": {}',
    );
    expect(notes).toHaveLength(2);
    expect(problems).toMatchObject([
      { line: 2, message: expect.stringContaining('"fish" is no feature') as string },
    ]);
  });

  it('are only needed to build', async () => {
    expect(lines(await features('"node": {}', {}, { build: false }))).toEqual([
      '1: docker.io/library/node:latest',
    ]);
  });
});
