import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { imageReferenceText } from '../../../../src/oci/image-reference.ts';
import { platformText } from '../../../../src/oci/platform.ts';
import { FindFixture, imagesOf, remarksOf } from '../../../support/find-fixture.ts';

interface Case {
  readonly name: string;
  /** By their paths. */
  readonly files: Readonly<Record<string, string>>;
  /** Targets that are named. */
  readonly names: readonly string[];
  readonly environment: Readonly<Record<string, string>>;
  /** Those that the printed targets need; with the platform where they state it. */
  readonly images: readonly string[];
  readonly error?: string;
}

const recorded = JSON.parse(readFileSync(new URL('bake-images.json', import.meta.url), 'utf8')) as {
  readonly version: string;
  readonly cases: readonly Case[];
};

async function find({ files, names, environment }: Case) {
  await using fixture = await FindFixture.of(files);
  return await fixture.find('.', {
    kind: 'bake',
    targets: names,
    environment: new Map(Object.entries(environment)),
  });
}

describe(`the images of a bake file are those that buildx ${recorded.version} needs`, () => {
  it.each(recorded.cases.filter(({ error }) => error === undefined))('$name', async (one) => {
    const { images, problems, unresolved } = await find(one);
    expect(problems).toEqual([]);
    expect(unresolved).toEqual([]);
    const texts = images.map(({ reference, platform }) =>
      [imageReferenceText(reference), ...(platform === undefined ? [] : [platformText(platform)])].join(' '),
    );
    expect([...new Set(texts)].sort()).toEqual(one.images);
  });

  it.each(recorded.cases.filter(({ error }) => error !== undefined))('not $name', async (one) => {
    const { problems, unresolved } = await find(one);
    expect(problems.length + unresolved.length, one.error).toBeGreaterThan(0);
  });
});

describe('a bake file', () => {
  it('has what is not known here named with its line, where an image depends on it', async () => {
    await using files = await FindFixture.of({
      'docker-bake.hcl': [
        'target "default" {',
        '  args = {',
        '    TAG = timestamp()',
        '    OTHER = uuidv4()',
        '  }',
        '}',
      ].join('\n'),
      Dockerfile: 'ARG TAG=1\nARG OTHER\nFROM node:${TAG}\n',
    });
    const { images, unresolved } = await files.find('docker-bake.hcl');
    expect(images).toEqual([]);
    expect(unresolved).toEqual([
      {
        file: 'Dockerfile',
        line: 3,
        text: 'FROM node:${TAG}',
        problem: 'the function timestamp is not known here',
        advice: '--build-arg TAG=…',
      },
    ]);
    const given = await files.find('docker-bake.hcl', { buildArgs: new Map([['TAG', '2']]) });
    expect(imagesOf(given)).toEqual(['docker.io/library/node:2']);
  });

  it('takes variables of the environment before those of env files', async () => {
    await using files = await FindFixture.of({
      'docker-bake.hcl':
        'variable "A" {}\nvariable "B" {}\ntarget "default" {\n  dockerfile-inline = "FROM ${A}:${B}"\n}\n',
    });
    const envFiles = [{ path: '.env', folder: '.', text: 'A=node\nB="18" # x\n' }];
    const found = await files.find('docker-bake.hcl', { envFiles, environment: new Map([['A', 'redis']]) });
    expect(imagesOf(found)).toEqual(['docker.io/library/redis:18']);
  });

  it('has images of an inline Dockerfile at their lines', async () => {
    await using files = await FindFixture.of({
      'docker-bake.hcl': 'target "default" {\n  dockerfile-inline = <<EOT\n# x\nFROM node\nEOT\n}\n',
      'a.bake.hcl': 'target "default" {\n  dockerfile-inline = "FROM node\\nRUN x\\nFROM alpine"\n}\n',
    });
    const [image] = (await files.find('docker-bake.hcl')).images;
    expect(image).toMatchObject({ file: 'docker-bake.hcl', line: 4, kind: 'dockerfile' });
    const [other] = (await files.find('a.bake.hcl')).images;
    expect(other).toMatchObject({ file: 'a.bake.hcl', line: 2 });
  });

  it('has its Dockerfiles read for it, and not on their own', async () => {
    await using files = await FindFixture.of({
      'docker-bake.hcl': 'target "default" {\n  args = { TAG = "18" }\n}\n',
      Dockerfile: 'ARG TAG\nFROM node:$TAG\n',
      'other.Dockerfile': 'FROM alpine\n',
    });
    const found = await files.find('.');
    expect(imagesOf(found)).toEqual(['docker.io/library/alpine:latest', 'docker.io/library/node:18']);
    expect(found.unresolved).toEqual([]);
  });

  it('that is laid over another is named in errors', async () => {
    await using files = await FindFixture.of({
      'a.bake.hcl': 'X = "1"\n',
      'b.bake.hcl': '\ntarget "default" {\n  args = {{\n}\n',
    });
    const { problems } = await files.find(['a.bake.hcl', 'b.bake.hcl']);
    expect(remarksOf(problems)).toEqual(['b.bake.hcl:3: a key without = after it']);
  });

  it('that is absent, built elsewhere or without a Dockerfile is told', async () => {
    await using files = await FindFixture.of({
      'docker-bake.hcl': [
        'group "default" {',
        '  targets = ["far", "lost"]',
        '}',
        'target "far" {',
        '  context = "https://github.com/acme/app.git"',
        '}',
        'target "lost" {',
        '  dockerfile = "nowhere"',
        '}',
      ].join('\n'),
    });
    const { notes, unresolved } = await files.find('docker-bake.hcl');
    expect(remarksOf(notes)).toEqual([
      'docker-bake.hcl:4: far is built from https://github.com/acme/app.git, which is not read',
    ]);
    expect(unresolved).toMatchObject([
      { line: 7, text: 'target "lost"', problem: 'there is no file nowhere' },
    ]);
    expect((await files.find('docker-bake.hcl', { build: false })).images).toEqual([]);
  });

  it.each([
    [
      'a text that grows',
      Array.from({ length: 60 }, (_, n) => `V${n + 1} = "\${V${n}}\${V${n}}"`)
        .join('\n')
        .replace('V1 =', 'V0 = "xxxxxxxx"\nV1 ='),
    ],
    ['a function without end', 'function "f" {\n  params = [x]\n  result = f(x)\n}\nV60 = f("1")'],
    [
      'loops in loops',
      `V60 = join("", [for a in L : join("", [for b in L : join("", [for c in L : join("", [for d in L : d])])])])\nL = ${JSON.stringify(Array.from({ length: 100 }, () => 'x'))}`,
    ],
    ['brackets without end', `V60 = ${'['.repeat(50_000)}`],
    ['operators without end', `V60 = 1${' + 1'.repeat(50_000)}`],
    ['parts without end', `V60 = a${'.a'.repeat(50_000)}`],
  ])('with %s ends with an error', async (_what, text) => {
    await using files = await FindFixture.of({
      'docker-bake.hcl': `${text}\ntarget "default" {\n  args = { A = V60 }\n}\n`,
      Dockerfile: 'ARG A\nFROM x:$A\n',
    });
    const { images, problems, unresolved } = await files.find('docker-bake.hcl');
    expect(images).toEqual([]);
    expect(problems.length + unresolved.length).toBe(1);
  });
});
