import { describe, expect, it } from 'vitest';
import { FindFixture, imagesOf, remarksOf } from '../../../support/find-fixture.ts';

const deployment = (image: string): string => `apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  template:
    spec:
      containers:
      - name: web
        image: ${image}
`;

const advice = (files: FindFixture): string => `kustomize build ${files.folder.path} | entrepot warm -f -`;

describe('a kustomization', () => {
  it('names images where their resource has them, whoever changed them', async () => {
    await using files = await FindFixture.of({
      'prod/kustomization.yaml': 'resources: [../base]\nimages: [{name: nginx, newTag: "2"}]\n',
      'base/kustomization.yaml': 'resources: [web.yaml]\nnamePrefix: my-\nnamespace: shop\n',
      'base/web.yaml': deployment('nginx:1'),
    });
    const found = await files.find('prod/kustomization.yaml');
    expect(found.images.map(({ file, line, kind, reason }) => [file, line, kind, reason])).toEqual([
      ['base/web.yaml', 9, 'kustomize', 'Deployment shop/my-web'],
    ]);
    expect(imagesOf(found)).toEqual(['docker.io/library/nginx:2']);
  });

  it('is known by its content on the standard input', async () => {
    await using files = await FindFixture.of({});
    const stdin = (async function* chunks() {
      yield Buffer.from(
        'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [nothing.yaml]\n',
      );
    })();
    expect(remarksOf((await files.find('-', { stdin })).problems)).toEqual([
      '<stdin>:3: there is no nothing.yaml that kustomize could build',
    ]);
  });

  it('in a folder is read, and neither what it builds upon nor its manifests count on their own', async () => {
    await using files = await FindFixture.of({
      'base/kustomization.yaml': 'resources: [web.yaml]\n',
      'base/web.yaml': deployment('nginx:1'),
      'prod/kustomization.yaml': 'resources: [../base]\nimages: [{name: nginx, newTag: "2"}]\n',
      'test/kustomization.yaml': 'resources: [../base]\nimages: [{name: nginx, newTag: "3"}]\n',
      'other.yaml': deployment('redis:1'),
    });
    expect(imagesOf(await files.find('.'))).toEqual([
      'docker.io/library/nginx:2',
      'docker.io/library/nginx:3',
      'docker.io/library/redis:1',
    ]);
  });

  it.each([
    [
      'a chart',
      'helmCharts:\n- {name: x, repo: "https://example.org"}',
      3,
      '- {name: x, repo: "https://example.org"}',
    ],
    ['a generator', 'generators: [gen.yaml]', 2, 'gen.yaml'],
    ['a transformer', 'transformers: [t.yaml]', 2, 't.yaml'],
    [
      'a replacement',
      'replacements:\n- targets: [{select: {kind: Pod}, fieldPaths: [spec.containers.0.image]}]',
      3,
      '- targets: [{select: {kind: Pod}, fieldPaths: [spec.containers.0.image]}]',
    ],
    ['a replacement in a file', 'replacements:\n- path: r.yaml', 3, '- path: r.yaml'],
  ])('tells that %s is for kustomize to carry out', async (_what, text, line, shown) => {
    await using files = await FindFixture.of({
      'kustomization.yaml': `resources: [web.yaml]\n${text}\n`,
      'web.yaml': deployment('nginx:1'),
    });
    const found = await files.find('kustomization.yaml');
    expect(imagesOf(found)).toEqual(['docker.io/library/nginx:1']);
    expect(found.unresolved).toEqual([
      {
        file: 'kustomization.yaml',
        line,
        text: shown,
        problem: 'it is made by kustomize while it builds',
        advice: advice(files),
      },
    ]);
  });

  it.each([
    'https://example.org/base.yaml',
    'github.com/acme/base?ref=v1',
    'git@example.org:acme/base',
    'example.org/acme/base',
    'ssh://git@example.org/x',
  ])('tells that %s is on another host', async (path) => {
    await using files = await FindFixture.of({ 'kustomization.yaml': `resources:\n- ${path}\n` });
    const found = await files.find('kustomization.yaml');
    expect(found.unresolved).toEqual([
      {
        file: 'kustomization.yaml',
        line: 2,
        text: path,
        problem: 'it is on another host',
        advice: advice(files),
      },
    ]);
  });

  it.each([
    [
      'for a resource that is not there',
      '- patch: |-\n    apiVersion: v1\n    kind: Pod\n    metadata: {name: x}',
      'is for a resource that is not there',
    ],
    [
      'with a path to nothing',
      '- {target: {kind: Deployment}, patch: "[{op: replace, path: /spec/x, value: 1}]"}',
      'has a path to what is not there: /x',
    ],
    [
      'with an unknown operation',
      '- {target: {kind: Deployment}, patch: "[{op: invert, path: /spec}]"}',
      'has an operation that is none of JSON patches: invert',
    ],
    [
      'with an element without name',
      '- {target: {kind: Deployment}, patch: "spec: {template: {spec: {containers: [{image: a}]}}}"}',
      'meets an element without a name',
    ],
    [
      'with a selector that is none',
      '- {target: {labelSelector: "a=(b"}, patch: "spec: {}"}',
      'has a selector that cannot be read: a=(b',
    ],
    [
      'with a pattern that is none',
      '- {target: {name: "a("}, patch: "spec: {}"}',
      'has a target that cannot be read: a(',
    ],
  ])('tells that a patch %s is not carried out', async (_what, patch, problem) => {
    await using files = await FindFixture.of({
      'kustomization.yaml': `resources: [web.yaml]\npatches:\n${patch}\n`,
      'web.yaml': deployment('nginx:1'),
    });
    const found = await files.find('kustomization.yaml');
    expect(imagesOf(found)).toEqual(['docker.io/library/nginx:1']);
    expect(found.unresolved.map((one) => [one.line, one.problem])).toEqual([[3, `the patch ${problem}`]]);
  });

  it('tells that the name of an image is a pattern that cannot be read', async () => {
    await using files = await FindFixture.of({
      'kustomization.yaml': 'resources: [web.yaml]\nimages:\n- {name: "(a+)+b", newTag: "2"}\n',
      'web.yaml': deployment(`${'a'.repeat(60)}:1`),
    });
    expect((await files.find('kustomization.yaml')).unresolved).toEqual([
      {
        file: 'kustomization.yaml',
        line: 3,
        text: '- {name: "(a+)+b", newTag: "2"}',
        problem: 'its name is a regular expression that cannot be read',
        advice: advice(files),
      },
    ]);
  });

  it.each([
    [
      'names what is not there',
      'resources:\n- web.yaml\n',
      'kustomization.yaml:2: there is no web.yaml that kustomize could build',
    ],
    ['names a folder without one', 'resources:\n- a\n', 'kustomization.yaml:2: names a, which is a folder'],
    [
      'leads back to itself',
      'resources: [b]\n',
      'b/kustomization.yaml:1: leads to a kustomization that uses this one: ..',
    ],
    [
      'has a malformed resource',
      'resources: [c.yaml]\n',
      'c.yaml:2: is not valid YAML: bad indentation of a mapping entry',
    ],
    ['is malformed', 'resources: [\n', expect.stringMatching(/^kustomization\.yaml:1: is not valid YAML: /u)],
  ])('that %s is a problem', async (_what, text, problem) => {
    await using files = await FindFixture.of({
      'kustomization.yaml': text,
      'a/x.yaml': '',
      'b/kustomization.yaml': 'resources: [..]\n',
      'c.yaml': 'a: b\n  c: "\n',
    });
    expect(remarksOf((await files.find('kustomization.yaml')).problems)).toEqual([problem]);
  });

  it('that builds without end is a problem', async () => {
    const levels = Array.from({ length: 20 }, (_, level) => [
      `${level}/kustomization.yaml`,
      `resources: [../${level + 1}, ../${level + 1}]\n`,
    ]);
    await using files = await FindFixture.of(Object.fromEntries(levels) as Record<string, string>);
    expect(remarksOf((await files.find('0/kustomization.yaml')).problems)).toEqual([
      expect.stringContaining('has more than 500 kustomizations built'),
    ]);
  });

  it('with copies of copies is told', async () => {
    const copies = Array.from({ length: 40 }, (_, n) => `{op: copy, from: /spec, path: /spec/x${n}}`);
    await using files = await FindFixture.of({
      'kustomization.yaml': `resources: [web.yaml]\npatches:\n- {target: {kind: Deployment}, patch: "[${copies.join(', ')}]"}\n`,
      'web.yaml': deployment('nginx:1'),
    });
    const found = await files.find('kustomization.yaml');
    expect(found.unresolved.map(({ problem }) => problem)).toEqual([
      'the patch copies more than 10000 values',
    ]);
  });
});
