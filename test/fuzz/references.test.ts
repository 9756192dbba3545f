import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { BadFile } from '../../src/references/bad-file.ts';
import { kindsOfFile } from '../../src/references/kinds.ts';
import { repeats } from '../support/depth.ts';
import { ProjectInMemory } from '../support/project-in-memory.ts';

/** A text of each kind, to be spoiled, with as many of the kind's features as fit into a few lines. */
const seeds = {
  kubernetes: `apiVersion: argoproj.io/v1alpha1
kind: Workflow
metadata: &m {name: x}
spec:
  entrypoint: run
  arguments: {parameters: [{name: tag, value: "1"}]}
  templates:
  - name: run
    inputs: {parameters: [{name: i, default: "a:{{workflow.parameters.tag}}"}]}
    script: {image: "{{inputs.parameters.i}}"}
---
apiVersion: tekton.dev/v1
kind: Task
spec: {params: [{name: a, default: x}], steps: [{image: "$(params.a):\${TAG}"}]}
`,
  kustomize: `resources: [base, web.yaml]
namePrefix: x-
labels: [{pairs: {a: b}}]
patches:
- target: {kind: Pod, name: "a.*", labelSelector: "a in (b, c),!d"}
  patch: '[{op: add, path: /spec/containers/-, value: {name: n, image: x}}, {op: copy, from: /spec, path: /a~1b}]'
- patch: '{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: c, $patch: delete}]}}'
images: [{name: "n.*", newTag: "2", digest: sha256:x}]
`,
  github: `on: {workflow_call: {inputs: {a: {default: 1}}}}
jobs:
  a:
    strategy: {matrix: {v: [1, {x: 2}], include: [{v: 1, w: 2}], exclude: [{v: 3}]}}
    container: "x:\${{ matrix.v.x || inputs.a == 1 && format('{0}', vars.B) }}"
    services: {s: {image: y}}
    steps: [{uses: docker://z}, {uses: ./act}]
  b: {uses: ./.github/workflows/b.yml, with: {a: "\${{ github.x }}"}}
`,
  gitlab: `include: [{local: a.yml, inputs: {x: 1}}, {project: p}]
default: {image: "a:$T", services: [{name: "b:\${U}", pull_policy: [never]}]}
variables: {T: "$U", U: {value: "%V%", expand: true}}
.a: {image: !reference [.b, image], parallel: {matrix: [{T: [1, 2]}]}}
.b: {image: c}
j: {extends: [.a], rules: [{variables: {T: 3}}], inherit: {default: [image]}}
`,
  quadlet: `[Unit]
# x
[Container]
Image=b:%i-\${TAG} \\
 x
Mount=type=image,src=c.image
[Service]
Environment="TAG=1" X=y
[Kube]
Yaml=web.yaml
[Build]
SetWorkingDirectory=unit
`,
};

const project = new ProjectInMemory({
  'base/kustomization.yaml': 'resources: [web.yaml]\n',
  'base/web.yaml':
    'apiVersion: v1\nkind: Pod\nmetadata: {name: a}\nspec: {containers: [{name: c, image: nginx:1}]}\n',
  'web.yaml':
    'apiVersion: v1\nkind: Pod\nmetadata: {name: b}\nspec: {containers: [{name: c, image: nginx:1}]}\n',
  'a.yml': 'spec: {inputs: {x: {}}}\n---\nk: {image: "i:$[[ inputs.x ]]"}\n',
  'c.image': '[Image]\nImage=quay.io/a/b:1\n',
  'act/action.yml': 'runs: {using: docker, image: Dockerfile}\n',
  'act/Dockerfile': 'FROM a\n',
  '.github/workflows/b.yml': 'on: {workflow_call: {}}\njobs: {}\n',
  Containerfile: 'FROM a\n',
});

const scraps = [
  '\n',
  '\t',
  '  ',
  '- ',
  ': ',
  '{',
  '}',
  '[',
  ']',
  '"',
  "'",
  '&m',
  '*m',
  '!reference',
  '|',
  '#',
  '${',
  '$(',
  '{{',
  '%',
  '\\',
  '---\n',
  '<<: ',
  'null',
  '\u0000',
  '\u{1F433}',
];

/** A seed with some of its parts taken out, moved, or with something else put in. */
function spoiled(seed: string): fc.Arbitrary<string> {
  const position = fc.nat({ max: seed.length });
  const edit = fc.tuple(
    position,
    fc.nat({ max: 12 }),
    fc.oneof(fc.constantFrom(...scraps), fc.string({ maxLength: 6 })),
  );
  return fc.array(edit, { maxLength: 6 }).map((edits) => {
    let text = seed;
    for (const [at, length, scrap] of edits) text = text.slice(0, at) + scrap + text.slice(at + length);
    return text;
  });
}

describe('a file of any content is read, or refused with its line', () => {
  it.each(Object.entries(seeds))('%s', async (name, seed) => {
    const kind = kindsOfFile.find((one) => one.kind === name);
    if (kind === undefined) throw new Error(`no kind ${name}`);
    const parse = await kind.load();
    await fc.assert(
      fc.asyncProperty(spoiled(seed), async (text) => {
        const file = { path: '/project/x', folder: '/project', text };
        const lines = text.split('\n').length;
        try {
          const found = await parse(file, project.context());
          const places = [...found.images, ...found.unresolved, ...found.notes, ...found.problems];
          for (const { file: path, line = 1 } of places) {
            expect(line).toBeGreaterThan(0);
            if (path === file.path) expect(line).toBeLessThanOrEqual(lines);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(BadFile);
        }
      }),
      { numRuns: repeats(100, 2000) },
    );
  });

  it.each(
    kindsOfFile.flatMap(({ kind, hasContent }) => (hasContent === undefined ? [] : [{ kind, hasContent }])),
  )('and whether it is a $kind file is told in no time', ({ hasContent }) => {
    const texts = ['{\n', '[\n', ' ', 'apiVersion', '\n', 'a: b\n', '"', ' script:\n'].map((text) =>
      text.repeat(2e5),
    );
    const start = performance.now();
    for (const text of texts) hasContent(text);
    expect(performance.now() - start).toBeLessThan(10_000);
  });
});
