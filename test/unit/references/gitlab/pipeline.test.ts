import { describe, expect, it } from 'vitest';
import type { FindOptions } from '../../../../src/references/find-images.ts';
import type { Found } from '../../../../src/references/found-image.ts';
import { FindFixture, imagesOf, remarksOf } from '../../../support/find-fixture.ts';

const path = '.gitlab-ci.yml';

async function find(
  text: string,
  more: Record<string, string> = {},
  options: Partial<FindOptions> = {},
): Promise<Found> {
  await using files = await FindFixture.of({ [path]: text, ...more });
  return await files.find(path, options);
}

async function images(
  text: string,
  more: Record<string, string> = {},
  options: Partial<FindOptions> = {},
): Promise<readonly string[]> {
  const found = await find(text, more, options);
  expect(found.problems).toEqual([]);
  expect(found.unresolved).toEqual([]);
  return imagesOf(found).map((image) => image.replace('docker.io/library/', ''));
}

describe('a pipeline of GitLab', () => {
  it('names the images of its jobs and their services, each with its line', async () => {
    const found = await find(`stages: [test]
default:
  image: ruby:3.4
  services:
    - postgres:17
.hidden:
  image: not/this
test:
  script: [rake]
lint:
  image:
    name: ghcr.io/acme/lint:1
    entrypoint: [""]
  services:
    - {name: redis, alias: cache}
  script: [lint]
deploy:
  trigger: other/project
`);
    expect(found.images.map(({ line, kind, reason }) => [line, kind, reason])).toEqual([
      [5, 'gitlab', 'service of job test'],
      [15, 'gitlab', 'service of job lint'],
      [3, 'gitlab', 'job test'],
      [12, 'gitlab', 'job lint'],
    ]);
    expect(found.problems).toEqual([]);
  });

  it.each([
    ['at the top, as it was written before', 'image: a:1\nservices: [b:1]\nj: {script: x}', ['a:1', 'b:1']],
    [
      'that a job does not inherit',
      'default: {image: a:1, services: [b:1]}\nj: {inherit: {default: false}, script: x}',
      [],
    ],
    [
      'of which a job inherits one',
      'default: {image: a:1, services: [b:1]}\nj: {inherit: {default: [image]}, script: x}',
      ['a:1'],
    ],
    ['that all jobs replace', 'default: {image: a:1}\nj: {image: b:1, script: x}', ['b:1']],
    ['that jobs empty', 'default: {services: [b:1]}\nj: {services: [], script: x}', []],
  ])('has defaults %s', async (_what, text, expected) => {
    expect(await images(text)).toEqual(expected);
  });

  it.each([
    ['one', '.a: {image: a:1}\nj: {extends: .a, script: x}', ['a:1']],
    [
      'several, the last wins',
      '.a: {image: a:1, services: [s:1]}\n.b: {image: b:1}\nj: {extends: [.a, .b]}',
      ['b:1', 's:1'],
    ],
    [
      'one that extends another',
      '.a: {image: a:1}\n.b: {extends: .a, services: [s:1]}\nj: {extends: .b}',
      ['a:1', 's:1'],
    ],
    [
      'key by key',
      '.a: {image: {name: a:1}, variables: {T: 1, U: 2}}\nj: {extends: .a, image: {name: "x:$T-$U"}, variables: {T: 9}}',
      ['x:9-2'],
    ],
    ['a job', 'a: {image: a:1}\nj: {extends: a, image: b:1}', ['a:1', 'b:1']],
  ])('has jobs extended: %s', async (_what, text, expected) => {
    expect(await images(text)).toEqual(expected);
  });

  it.each([
    ['anchors', '.a: &a {image: a:1}\nj: {<<: *a, script: x}', ['a:1']],
    ['a reference', '.a: {image: a:1}\nj: {image: !reference [.a, image]}', ['a:1']],
    [
      'a reference to a reference',
      '.a: {image: a:1}\n.b: {image: !reference [.a, image]}\nj: {image: !reference [.b, image]}',
      ['a:1'],
    ],
    [
      'references in a list',
      '.a: {services: [a:1, b:1]}\nj: {services: [c:1, !reference [.a, services]]}',
      ['a:1', 'b:1', 'c:1'],
    ],
    [
      'references to variables',
      '.a: {variables: {T: 1}}\nj: {image: "x:$T", variables: !reference [.a, variables]}',
      ['x:1'],
    ],
    ['a reference to nothing', 'j: {image: !reference [.a, image]}', []],
  ])('has %s followed', async (_what, text, expected) => {
    expect(await images(text)).toEqual(expected);
  });

  it.each([
    ['in three forms', 'variables: {A: a, T: "1"}\nj: {image: "$A-${A}-%A%:$T"}', ['a-a-a:1']],
    [
      'of the job before those of all',
      'variables: {T: "1"}\nj: {image: "a:$T", variables: {T: "2"}}',
      ['a:2'],
    ],
    [
      'in variables',
      'variables: {R: "ghcr.io/a", I: "$R/b:$T"}\nj: {image: $I, variables: {T: "2"}}',
      ['ghcr.io/a/b:2'],
    ],
    [
      'with a description',
      'variables: {T: {value: "1", description: x, options: ["1", "2"]}}\nj: {image: "a:$T"}',
      ['a:1'],
    ],
    ['not to be expanded', 'variables: {T: {value: "1", expand: false}}\nj: {image: "a:$T"}', ['a:1']],
    [
      'of a matrix',
      'j: {image: "$A:$B", parallel: {matrix: [{A: [x, y], B: ["1", "2"]}, {A: z, B: "3"}]}}',
      ['x:1', 'x:2', 'y:1', 'y:2', 'z:3'],
    ],
    [
      'of rules',
      'variables: {T: "1"}\nj: {image: "a:$T", rules: [{if: $CI_TAG, variables: {T: "2"}}, {when: always}]}',
      ['a:1', 'a:2'],
    ],
    [
      'of the pipeline’s rules',
      'workflow: {rules: [{variables: {T: "2"}}]}\nvariables: {T: "1"}\nj: {image: "a:$T"}',
      ['a:1', 'a:2'],
    ],
  ])('has variables filled in: %s', async (_what, text, expected) => {
    expect(await images(text)).toEqual(expected);
  });

  it('has variables filled in that are given', async () => {
    const environment = new Map([['CI_REGISTRY', 'registry.example.org:5005']]);
    expect(await images('j: {image: "$CI_REGISTRY/a:1"}', {}, { environment })).toEqual([
      'registry.example.org:5005/a:1',
    ]);
  });

  it.each([
    ['j: {image: "$CI_REGISTRY/a:1"}', '$CI_REGISTRY/a:1', 'CI_REGISTRY is not set', '--env CI_REGISTRY=…'],
    ['variables: {T: "$U"}\nj: {image: "a:$T"}', 'a:$T', 'U is not set', '--env U=…'],
    ['variables: {T: "$T"}\nj: {image: "a:$T"}', 'a:$T', 'T is not set', '--env T=…'],
    ['j: {image: "a:${T:-1}"}', 'a:${T:-1}', 'T:-1 is not set', undefined],
    [
      'variables: {T: "1"}\nj: {image: "a:$T", inherit: {variables: false}}',
      'a:$T',
      'T is not set',
      '--env T=…',
    ],
  ])('tells of variables that are not set: %s', async (text, shown, problem, advice) => {
    const found = await find(text);
    expect(found.unresolved).toEqual([
      { file: path, line: text.split('\n').length, text: shown, problem, advice },
    ]);
    expect(imagesOf(found)).toEqual([]);
  });

  it('has the platform of an image', async () => {
    const found = await find('j: {image: {name: a:1, docker: {platform: arm64/v8}}}');
    expect(found.images.map(({ platform }) => platform?.architecture)).toEqual(['arm64']);
  });

  it('has a note for what a runner never pulls', async () => {
    const found = await find(
      'j: {image: {name: a:1, pull_policy: never}, services: [{name: b:1, pull_policy: [never, if-not-present]}]}',
    );
    expect(remarksOf(found.notes)).toEqual([
      `${path}:1: job j takes a:1 from its runner only: its pull policy is never`,
    ]);
    expect(imagesOf(found)).toEqual(['docker.io/library/b:1']);
  });

  it.each([
    ['extends itself', 'a: {extends: a}', 'extends itself, or through too many others'],
    ['extends what is not there', 'a: {extends: .b}', 'there is no .b to extend'],
    ['refers to itself', 'a: {image: !reference [a, image]}', 'refers to itself, or through too many others'],
    [
      'refers to what it is in',
      'a: {services: [!reference [a, services]]}',
      'refers to itself, or through too many others',
    ],
    ['includes what is not there', 'include: x.yml', 'includes x.yml, which does not exist'],
    ['includes itself', `include: ${path}`, 'includes more than 150 files, or itself'],
  ])('that %s is a problem', async (_what, text, message) => {
    expect(remarksOf((await find(text)).problems)).toEqual([`${path}:1: ${message}`]);
  });
});

describe('what a pipeline of GitLab includes', () => {
  it.each([
    ['by its path', 'include: /ci/a.yml'],
    ['as local', 'include: {local: ci/a.yml}'],
    ['in a list', 'include:\n- local: /ci/a.yml'],
    ['through another', 'include: ci/b.yml'],
    ['by a pattern', 'include: /ci/*.yml'],
  ])('is read: %s', async (_what, text) => {
    const found = await find(text, {
      'ci/a.yml': 'j: {image: a:1, script: x}',
      'ci/b.yml': 'include: ci/a.yml',
    });
    expect(found.images.map(({ file, line }) => [file, line])).toEqual([['ci/a.yml', 1]]);
    expect(found.problems).toEqual([]);
  });

  it('is merged, the file’s own keys over it and later ones over earlier ones', async () => {
    const text = 'include: [a.yml, b.yml]\nvariables: {T: "9"}\nj: {services: [s:1]}';
    const more = {
      'a.yml': 'variables: {T: "1", U: "1"}\nj: {image: "a:$T-$U"}',
      'b.yml': 'variables: {U: "2"}',
    };
    expect(await images(text, more)).toEqual(['a:9-2', 's:1']);
  });

  it('has inputs, with defaults', async () => {
    const included =
      'spec:\n  inputs:\n    image: {default: a}\n    tag: {}\n---\nj: {image: "$[[ inputs.image ]]:$[[inputs.tag | expand_vars]]"}\n';
    expect(await images('include: [{local: a.yml, inputs: {tag: "3"}}]', { 'a.yml': included })).toEqual([
      'a:3',
    ]);
    expect((await find('include: a.yml', { 'a.yml': included })).unresolved).toEqual([
      {
        file: 'a.yml',
        line: 6,
        text: '$[[ inputs.image ]]:$[[inputs.tag | expand_vars]]',
        problem: 'the input tag has no default',
        advice: undefined,
      },
    ]);
  });

  it('is told where it is elsewhere', async () => {
    const text = `include:
  - https://example.org/a.yml
  - {project: acme/ci, file: a.yml}
  - {template: Auto-DevOps.gitlab-ci.yml}
  - {component: $CI_SERVER_FQDN/acme/x@1}
  - {local: "ci/**/*.yml"}
  - {local: "ci/$X.yml"}
`;
    const found = await find(text);
    expect(remarksOf(found.notes)).toEqual(
      ['https://example.org/a.yml', 'acme/ci', 'Auto-DevOps.gitlab-ci.yml', '$CI_SERVER_FQDN/acme/x@1'].map(
        (what, index) =>
          `${path}:${index + 2}: includes ${what} from elsewhere: which images that names is not known here`,
      ),
    );
    expect(found.unresolved.map(({ line, problem }) => [line, problem])).toEqual([
      [6, 'it is a pattern of folders'],
      [7, 'it has variables in it'],
    ]);
  });

  it('is not read on its own in a folder', async () => {
    await using files = await FindFixture.of({
      [path]: 'include: a.gitlab-ci.yml\nvariables: {T: "2"}',
      'a.gitlab-ci.yml': 'variables: {T: "1"}\nj: {image: "a:$T"}',
    });
    expect(imagesOf(await files.find('.'))).toEqual(['docker.io/library/a:2']);
  });

  it('is known by its content', async () => {
    await using files = await FindFixture.of({ 'ci.yaml': 'image: a:1\ntest:\n  script:\n    - make\n' });
    expect(imagesOf(await files.find('ci.yaml'))).toEqual(['docker.io/library/a:1']);
  });
});
