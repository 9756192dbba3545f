import { describe, expect, it } from 'vitest';
import type { FindOptions } from '../../../../src/references/find-images.ts';
import type { Found } from '../../../../src/references/found-image.ts';
import { FindFixture, imagesOf, remarksOf } from '../../../support/find-fixture.ts';

const path = '.github/workflows/ci.yml';

async function find(
  text: string,
  options: Partial<FindOptions> = {},
  more: Record<string, string> = {},
): Promise<Found> {
  await using files = await FindFixture.of({ [path]: text, ...more });
  return await files.find(path, options);
}

function short(found: Found): readonly string[] {
  return imagesOf(found).map((image) => image.replace('docker.io/library/', ''));
}

/** The images of a job. */
async function imagesOfJob(job: string, options: Partial<FindOptions> = {}): Promise<readonly string[]> {
  const found = await find(
    `on: push\njobs:\n  build:\n    runs-on: ubuntu-latest\n${job.replaceAll(/^/gmu, '    ')}\n`,
    options,
  );
  expect(found.problems).toEqual([]);
  expect(found.unresolved).toEqual([]);
  return short(found);
}

describe('a workflow of GitHub', () => {
  it('names the images of containers, services and steps, each with its line', async () => {
    const found = await find(`name: CI
on: [push]
jobs:
  test:
    runs-on: ubuntu-latest
    container: node:22
    services:
      db:
        image: postgres:17
        ports: ["5432:5432"]
      cache: {image: "redis"}
    steps:
      - uses: actions/checkout@v5
      - uses: docker://ghcr.io/acme/lint:1
      - run: docker run not/this
  build:
    runs-on: ubuntu-latest
    container:
      image: docker://golang:1.24
      credentials:
        username: \${{ github.actor }}
        password: \${{ secrets.TOKEN }}
`);
    expect(found.images.map(({ line, kind, reason }) => [line, kind, reason])).toEqual([
      [19, 'github', 'job build'],
      [6, 'github', 'job test'],
      [9, 'github', 'service db of job test'],
      [11, 'github', 'service cache of job test'],
      [14, 'github', 'step 2 of job test'],
    ]);
    expect(short(found)).toEqual([
      'golang:1.24',
      'node:22',
      'postgres:17',
      'redis:latest',
      'ghcr.io/acme/lint:1',
    ]);
    expect(found.unresolved).toEqual([]);
    expect(found.problems).toEqual([]);
  });

  it.each([
    ['values', 'node: [20, 22]', 'node:${{ matrix.node }}', ['node:20', 'node:22']],
    [
      'numbers as GitHub has them',
      'v: [3.10, 3.1, "3.10"]',
      'python:${{ matrix.v }}',
      ['python:3.1', 'python:3.10'],
    ],
    ['two axes', 'a: [x, y]\nb: [1, 2]', '${{ matrix.a }}:${{ matrix.b }}', ['x:1', 'x:2', 'y:1', 'y:2']],
    [
      'objects',
      'os: [{image: a, tag: 1}, {image: b, tag: 2}]',
      '${{ matrix.os.image }}:${{ matrix.os.tag }}',
      ['a:1', 'b:2'],
    ],
    [
      'exclusions',
      'a: [x, y]\nb: [1, 2]\nexclude: [{a: x, b: 2}, {b: 1, a: y}]',
      '${{ matrix.a }}:${{ matrix.b }}',
      ['x:1', 'y:2'],
    ],
    [
      'exclusions of all with one value',
      'a: [x, y]\nb: [1, 2]\nexclude: [{a: x}]',
      '${{ matrix.a }}:${{ matrix.b }}',
      ['y:1', 'y:2'],
    ],
    [
      'inclusions that extend',
      'a: [x, y]\ninclude: [{tag: 1}, {a: y, tag: 2}]',
      '${{ matrix.a }}:${{ matrix.tag }}',
      ['x:1', 'y:2'],
    ],
    [
      'inclusions that are jobs of their own',
      'a: [x]\ninclude: [{a: z, tag: 9}]',
      "${{ matrix.a }}:${{ matrix.tag || '1' }}",
      ['x:1', 'z:9'],
    ],
    ['inclusions only', 'include: [{i: "a:1"}, {i: "b:1"}]', '${{ matrix.i }}', ['a:1', 'b:1']],
    ['values that are absent', 'a: [x]', "${{ matrix.b || 'none' }}", ['none:latest']],
    ['values with expressions', "a: ['${{ vars.X }}']", '${{ matrix.a }}', ['from-vars:latest']],
    ['a literal in JSON', 'a: ${{ fromJSON(\'["x", "y"]\') }}', '${{ matrix.a }}', ['x:latest', 'y:latest']],
  ])('has a matrix expanded: %s', async (_what, matrix, image, expected) => {
    const job = `strategy:\n  matrix:\n${matrix.replaceAll(/^/gmu, '    ')}\ncontainer: ${JSON.stringify(image)}`;
    expect(await imagesOfJob(job, { environment: new Map([['X', 'from-vars']]) })).toEqual(expected);
  });

  it('has a matrix expanded as GitHub’s documentation does', async () => {
    const job = `strategy:
  matrix:
    fruit: [apple, pear]
    animal: [cat, dog]
    include:
      - color: green
      - color: pink
        animal: cat
      - fruit: apple
        shape: circle
      - fruit: banana
      - fruit: banana
        animal: cat
container: "\${{ matrix.fruit }}:\${{ matrix.animal || 'none' }}-\${{ matrix.color || 'none' }}-\${{ matrix.shape || 'none' }}"`;
    expect(await imagesOfJob(job)).toEqual([
      'apple:cat-pink-circle',
      'apple:dog-green-circle',
      'banana:cat-none-none',
      'banana:none-none-none',
      'pear:cat-pink-none',
      'pear:dog-green-none',
    ]);
  });

  it.each([
    ['alternatives', "${{ inputs.image || 'a:1' }}", 'a:1'],
    ['functions', "${{ format('a:{0}', 1) }}", 'a:1'],
    ['comparisons', "${{ 1 == 2 && 'b:1' || 'a:1' }}", 'a:1'],
    ['braces in a text', "${{ startsWith('}}', '}') && 'a:1' }}", 'a:1'],
  ])('has expressions evaluated: %s', async (_what, image, expected) => {
    const found = await find(
      `on:\n  workflow_dispatch: {inputs: {image: {}}}\njobs: {a: {container: "${image}"}}`,
    );
    expect(found.unresolved).toEqual([]);
    expect(short(found)).toEqual([expected]);
  });

  it('has no image where an expression comes to nothing', async () => {
    expect(
      await imagesOfJob(`strategy: {matrix: {image: ["", "a:1"]}}\ncontainer: "\${{ matrix.image }}"`),
    ).toEqual(['a:1']);
  });

  it('has inputs with their defaults, or as they are given', async () => {
    const text = `on:\n  workflow_dispatch:\n    inputs: {tag: {default: 18}}\njobs: {a: {container: "node:\${{ inputs.tag }}"}}`;
    expect(short(await find(text))).toEqual(['node:18']);
  });

  it.each([
    ['vars.TAG', '--env TAG=…', 'vars.TAG is not set'],
    ['inputs.tag', '--env tag=…', 'inputs.tag is not set'],
    ['env.TAG', '--env TAG=…', 'env.TAG is not set'],
    ['github.repository_owner', '--env GITHUB_REPOSITORY_OWNER=…', 'github.repository_owner is not set'],
    ['needs.build.outputs.tag', undefined, 'only a run knows needs.build'],
    ['secrets.TAG', undefined, 'only a run knows secrets.TAG'],
    ["hashFiles('x')", undefined, 'only a run knows an expression that cannot be read'],
  ])('tells that %s is not known, once', async (name, advice, problem) => {
    const found = await find(
      `on: push\njobs:\n  a:\n    strategy: {matrix: {n: [1, 2]}}\n    container: "x:\${{ ${name} }}-\${{ matrix.n }}"\n`,
    );
    const text = `x:\${{ ${name} }}-\${{ matrix.n }}`;
    expect(found.unresolved).toEqual([{ file: path, line: 5, text, problem, advice }]);
  });

  it.each(['vars.TAG', 'inputs.TAG', 'env.TAG', 'github.TAG'])(
    'takes %s from what is given',
    async (name) => {
      const environment = new Map([
        ['TAG', '1'],
        ['GITHUB_TAG', '1'],
      ]);
      expect(await imagesOfJob(`container: "x:\${{ ${name} }}"`, { environment })).toEqual(['x:1']);
    },
  );

  it('tells of a matrix that only a run knows', async () => {
    const found = await find(
      `on: push\njobs: {a: {strategy: {matrix: "\${{ fromJSON(needs.x.outputs.m) }}"}, container: "x:\${{ matrix.a }}"}}`,
    );
    expect(found.unresolved.map(({ problem }) => problem)).toEqual(['only a run knows needs.x']);
  });

  it('that GitHub would not run for its size is told', async () => {
    const list = JSON.stringify(Array.from({ length: 1000 }, (_, n) => n));
    const found = await find(
      `on: push\njobs: {a: {strategy: {matrix: {a: ${list}, b: ${list}, c: ${list}}}}}`,
    );
    expect(remarksOf(found.problems)).toEqual([
      `${path}:2: this matrix makes more jobs than GitHub would run`,
    ]);
  });
});

describe('what a workflow of GitHub uses', () => {
  it('is read: a workflow that it calls, with its inputs', async () => {
    const called = `on:
  workflow_call:
    inputs: {image: {required: true, type: string}, tag: {default: latest, type: string}}
jobs:
  run: {container: "\${{ inputs.image }}:\${{ inputs.tag }}"}
`;
    const caller = `on: push
jobs:
  a: {uses: ./.github/workflows/called.yml, with: {image: node, tag: 18}}
  b:
    strategy: {matrix: {i: [redis, nginx]}}
    uses: ./.github/workflows/called.yml
    with: {image: "\${{ matrix.i }}"}
`;
    const found = await find(caller, {}, { '.github/workflows/called.yml': called });
    expect(short(found)).toEqual(['nginx:latest', 'node:18', 'redis:latest']);
    expect(found.images[0]?.file).toBe('.github/workflows/called.yml');
    expect(found.problems).toEqual([]);
  });

  it('is read once, where a folder is looked through', async () => {
    await using files = await FindFixture.of({
      [path]: 'on: push\njobs: {a: {uses: ./.github/workflows/z.yml, with: {image: a}}}',
      '.github/workflows/z.yml':
        'on: {workflow_call: {inputs: {image: {default: b}}}}\njobs: {a: {container: "${{ inputs.image }}"}}',
    });
    expect(short(await files.find('.'))).toEqual(['a:latest']);
  });

  it.each([
    ['in an image', 'runs: {using: docker, image: "docker://a:1"}', ['a:1']],
    ['in a Dockerfile', 'runs: {using: docker, image: Dockerfile}', ['b:1']],
    [
      'of steps',
      'runs: {using: composite, steps: [{uses: "docker://c:1"}, {uses: ./actions/mine}]}',
      ['c:1'],
    ],
    ['in JavaScript', 'runs: {using: node24, main: image.js}', []],
  ])('is read: an action %s', async (_what, action, expected) => {
    const text = 'on: push\njobs: {a: {steps: [{uses: ./actions/mine}]}}';
    const files = { 'actions/mine/action.yml': action, 'actions/mine/Dockerfile': 'FROM b:1\n' };
    const found = await find(text, {}, files);
    expect(short(found)).toEqual(expected);
    expect(found.problems).toEqual([]);
  });

  it('is read: an action that is a Dockerfile and nothing else', async () => {
    const found = await find(
      'on: push\njobs: {a: {steps: [{uses: ./mine}]}}',
      {},
      { 'mine/Dockerfile': 'FROM b:1\n' },
    );
    expect(short(found)).toEqual(['b:1']);
    expect(found.images.map(({ file, kind }) => [file, kind])).toEqual([['mine/Dockerfile', 'dockerfile']]);
  });

  it('is not built where no image is to be built', async () => {
    const found = await find(
      'on: push\njobs: {a: {steps: [{uses: ./mine}]}}',
      { build: false },
      { 'mine/Dockerfile': 'FROM b:1\n' },
    );
    expect(short(found)).toEqual([]);
  });

  it('is told where it is elsewhere, or not there', async () => {
    const text = `on: push
jobs:
  a: {uses: acme/flows/.github/workflows/x.yml@v1}
  b: {uses: ./.github/workflows/absent.yml}
  c: {steps: [{uses: ./absent}]}
`;
    const found = await find(text);
    expect(remarksOf(found.notes)).toEqual([
      `${path}:3: acme/flows/.github/workflows/x.yml@v1 is in another repository: which images it needs is not known here`,
      `${path}:5: ./absent is not there: a workflow may make it while it runs`,
    ]);
    expect(remarksOf(found.problems)).toEqual([
      `${path}:4: there is no workflow ./.github/workflows/absent.yml`,
    ]);
  });

  it('is told where it calls itself', async () => {
    const found = await find(`on: workflow_call\njobs: {a: {uses: ./${path}}, b: {uses: ./${path}}}`);
    expect(found.problems.length).toBeGreaterThan(0);
    expect(found.problems[0]?.message).toBe(`calls more workflows than GitHub would run: ./${path}`);
  });

  it('is known by its content', async () => {
    await using files = await FindFixture.of({
      'ci.yaml': 'on: push\njobs: {a: {container: x}}',
      'mine.yaml': 'name: x\nruns:\n  using: docker\n  image: docker://a:1\n',
    });
    expect(short(await files.find('ci.yaml'))).toEqual(['x:latest']);
    expect(short(await files.find('mine.yaml'))).toEqual(['a:1']);
  });
});
