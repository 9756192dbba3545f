import { describe, expect, it } from 'vitest';
import { FindFixture, imagesOf } from '../../../support/find-fixture.ts';

/** Images without their registry, then `?` and the text of what cannot be resolved. */
async function find(text: string): Promise<readonly string[]> {
  await using files = await FindFixture.of({ 'all.yaml': text });
  const found = await files.find('all.yaml');
  expect(found.problems).toEqual([]);
  return [
    ...imagesOf(found).map((image) => image.replace('docker.io/library/', '')),
    ...found.unresolved.map(({ text: unresolved, problem }) => `? ${unresolved}: ${problem}`),
  ];
}

describe('an Argo workflow', () => {
  const workflow = (spec: string): string =>
    `apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nmetadata: {generateName: build-}\nspec: ${spec}\n`;

  it.each([
    ['container', '{templates: [{name: t, container: {image: "a:1"}}]}'],
    ['script', '{templates: [{name: t, script: {image: "a:1", source: "print(1)"}}]}'],
    ['container set', '{templates: [{name: t, containerSet: {containers: [{name: m, image: "a:1"}]}}]}'],
    ['init container', '{templates: [{name: t, initContainers: [{name: m, image: "a:1"}]}]}'],
    ['sidecar', '{templates: [{name: t, sidecars: [{name: m, image: "a:1"}]}]}'],
    ['default of templates', '{templateDefaults: {container: {image: "a:1"}}}'],
    [
      'template within a step',
      '{templates: [{name: t, steps: [[{name: s, inline: {container: {image: "a:1"}}}]]}]}',
    ],
    ['resource that it makes', '{workflowSpec: {templates: [{name: t, container: {image: "a:1"}}]}}'],
  ])('names the image of a %s', async (_what, spec) => {
    expect(await find(workflow(spec))).toEqual(['a:1']);
  });

  it('has its parameters filled in', async () => {
    const spec = `
  entrypoint: main
  arguments: {parameters: [{name: image, value: golang}, {name: tag, default: "1.24"}]}
  templates: [{name: main, container: {image: "{{workflow.parameters.image}}:{{ workflow.parameters.tag }}"}}]`;
    expect(await find(workflow(spec))).toEqual(['golang:1.24']);
  });

  it('has a template’s inputs filled in for each time that it is called, and by default', async () => {
    const spec = `
  entrypoint: main
  arguments: {parameters: [{name: tag, value: "9"}]}
  templates:
  - name: main
    steps:
    - - {name: one, template: run, arguments: {parameters: [{name: image, value: "redis:{{workflow.parameters.tag}}"}]}}
      - {name: two, template: run}
    - - {name: three, template: run, withItems: ["node:18", "node:20"], arguments: {parameters: [{name: image, value: "{{item}}"}]}}
  - name: other
    dag: {tasks: [{name: d, template: run, withItems: [{v: "3.12"}], arguments: {parameters: [{name: image, value: "python:{{item.v}}"}]}}]}
  - name: run
    inputs: {parameters: [{name: image, default: alpine}]}
    container: {image: "{{inputs.parameters.image}}"}`;
    expect(await find(workflow(spec))).toEqual([
      'alpine:latest',
      'node:18',
      'node:20',
      'python:3.12',
      'redis:9',
    ]);
  });

  it('gives the parameters of the whole to its first template', async () => {
    const spec = `
  entrypoint: run
  arguments: {parameters: [{name: image, value: redis}]}
  templates: [{name: run, inputs: {parameters: [{name: image}]}, script: {image: "{{inputs.parameters.image}}"}}]`;
    expect(await find(workflow(spec))).toEqual(['redis:latest']);
  });

  it('has what only the cluster can tell as unresolved', async () => {
    const spec = `
  arguments: {parameters: [{name: a, valueFrom: {configMapKeyRef: {name: x, key: y}}}]}
  templates: [{name: t, container: {image: "x:{{workflow.parameters.a}}"}}, {name: u, script: {image: "y:{{=sprig.now()}}"}}]`;
    expect(await find(workflow(spec))).toEqual([
      '? x:{{workflow.parameters.a}}: workflow.parameters.a has no value in the file',
      '? y:{{=sprig.now()}}: =sprig.now() has no value in the file',
    ]);
  });

  it('within a sensor has its images named', async () => {
    const text = `apiVersion: argoproj.io/v1alpha1
kind: Sensor
metadata: {name: s}
spec:
  template: {container: {image: "sensor:1"}}
  triggers:
  - template:
      k8s:
        source:
          resource: {apiVersion: argoproj.io/v1alpha1, kind: Workflow, spec: {templates: [{container: {image: "a:1"}}]}}
`;
    expect(await find(text)).toEqual(['a:1', 'sensor:1']);
  });
});

describe('of Tekton', () => {
  const resource = (kind: string, spec: string): string =>
    `apiVersion: tekton.dev/v1\nkind: ${kind}\nmetadata: {name: x}\nspec: ${spec}\n`;

  it.each([
    ['a task’s step', 'Task', '{steps: [{name: s, image: "a:1"}]}'],
    ['a task’s sidecar', 'Task', '{sidecars: [{name: s, image: "a:1"}]}'],
    ['a task’s template of steps', 'ClusterTask', '{stepTemplate: {image: "a:1"}, steps: [{name: s}]}'],
    ['a step action', 'StepAction', '{image: "a:1"}'],
    ['a task in its run', 'TaskRun', '{taskSpec: {steps: [{image: "a:1"}]}}'],
    ['a task in its pipeline', 'Pipeline', '{tasks: [{name: t, taskSpec: {steps: [{image: "a:1"}]}}]}'],
    [
      'a task at the end of a pipeline',
      'Pipeline',
      '{finally: [{name: t, taskSpec: {steps: [{image: "a:1"}]}}]}',
    ],
    [
      'a task in a pipeline in its run',
      'PipelineRun',
      '{pipelineSpec: {tasks: [{taskSpec: {steps: [{image: "a:1"}]}}]}}',
    ],
    [
      'a bundle',
      'TaskRun',
      '{taskRef: {resolver: bundles, params: [{name: bundle, value: "a:1"}, {name: name, value: t}]}}',
    ],
    ['a bundle as it was written before', 'TaskRun', '{taskRef: {name: t, bundle: "a:1"}}'],
  ])('%s names its image', async (_what, kind, spec) => {
    expect(await find(resource(kind, spec))).toEqual(['a:1']);
  });

  it.each([
    ['default', '{params: [{name: image, default: "a:1"}], steps: [{image: $(params.image)}]}'],
    [
      'default, in brackets',
      `{params: [{name: my.image, default: "a:1"}], steps: [{image: "$(params['my.image'])"}]}`,
    ],
    [
      'default, as it was written before',
      '{params: [{name: image, default: "a:1"}], steps: [{image: $(inputs.params.image)}]}',
    ],
    [
      'element',
      '{params: [{name: l, type: array, default: ["b:1", "a:1"]}], steps: [{image: "$(params.l[1])"}]}',
    ],
    [
      'property',
      '{params: [{name: o, type: object, default: {tag: "1"}}], steps: [{image: "a:$(params.o.tag)"}]}',
    ],
  ])('a parameter is filled in with its %s', async (_what, spec) => {
    expect(await find(resource('Task', spec))).toEqual(['a:1']);
  });

  it.each([
    [
      'in a run',
      'TaskRun',
      '{params: [{name: i, value: "a:1"}], taskSpec: {params: [{name: i, default: "b:1"}], steps: [{image: $(params.i)}]}}',
    ],
    [
      'in a pipeline’s run',
      'PipelineRun',
      '{params: [{name: i, value: "a:1"}], pipelineSpec: {params: [{name: i, default: "b:1"}], tasks: [{params: [{name: j, value: $(params.i)}], taskSpec: {params: [{name: j, default: "c:1"}], steps: [{image: $(params.j)}]}}]}}',
    ],
    [
      'of a pipeline, where its task has none of that name',
      'Pipeline',
      '{params: [{name: i, default: "a:1"}], tasks: [{taskSpec: {steps: [{image: $(params.i)}]}}]}',
    ],
    [
      'of a task, though its pipeline has one of that name',
      'Pipeline',
      '{params: [{name: i, default: "b:1"}], tasks: [{taskSpec: {params: [{name: i, default: "a:1"}], steps: [{image: $(params.i)}]}}]}',
    ],
  ])('a parameter has the value that is given %s', async (_what, kind, spec) => {
    expect(await find(resource(kind, spec))).toEqual(['a:1']);
  });

  it('what only a run can tell is unresolved', async () => {
    const spec =
      '{params: [{name: i}], steps: [{image: "x:$(params.i)"}, {image: "y:$(context.task.name)"}]}';
    expect(await find(resource('Task', spec))).toEqual([
      '? x:$(params.i): i has no value in the file',
      '? y:$(context.task.name): $(context.task.name) has no value in the file',
    ]);
  });

  it('a trigger’s template has the images of what it makes', async () => {
    const text = `apiVersion: triggers.tekton.dev/v1beta1
kind: TriggerTemplate
spec:
  params: [{name: image, default: "a:1"}]
  resourcetemplates:
  - {apiVersion: tekton.dev/v1, kind: TaskRun, spec: {taskSpec: {steps: [{image: $(tt.params.image)}]}}}
`;
    expect(await find(text)).toEqual(['a:1']);
  });
});
