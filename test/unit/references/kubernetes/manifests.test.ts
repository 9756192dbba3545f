import { describe, expect, it } from 'vitest';
import { FindFixture, imagesOf, remarksOf } from '../../../support/find-fixture.ts';
import type { FindOptions } from '../../../../src/references/find-images.ts';
import type { Found } from '../../../../src/references/found-image.ts';

async function find(text: string, options: Partial<FindOptions> = {}): Promise<Found> {
  await using files = await FindFixture.of({ 'all.yaml': text });
  return await files.find('all.yaml', options);
}

/** Images without `docker.io/library/`. */
async function images(text: string): Promise<readonly string[]> {
  const found = await find(text);
  expect(found.problems).toEqual([]);
  expect(found.unresolved).toEqual([]);
  return imagesOf(found).map((image) => image.replace('docker.io/library/', ''));
}

/** `line: image`, in the order of lines. */
function linesOf({ images: found }: Found): readonly string[] {
  return found
    .map(({ line, reference }) => ({ line, text: `${reference.repository}:${reference.tag ?? ''}` }))
    .sort((a, b) => a.line - b.line)
    .map(({ line, text }) => `${line}: ${text.replace('library/', '')}`);
}

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

const pod = (image: string): string => `{containers: [{name: c, image: "${image}"}]}`;
const template = (image: string): string => `{template: {spec: ${pod(image)}}}`;

const deployment = `apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
  namespace: shop
spec:
  template:
    spec:
      initContainers:
        - name: wait
          image: busybox:1.36
      containers:
        - name: web
          image: "ghcr.io/acme/web:v1@${digest}"
        - image: nginx
          name: proxy
      ephemeralContainers:
        - {name: debug, image: alpine:3}
      volumes:
        - name: site
          image:
            reference: ghcr.io/acme/site:2
            pullPolicy: Always
        - name: config
          configMap: {name: web}
`;

describe('a Kubernetes manifest', () => {
  it('names the images of all containers and volumes, each with its line and resource', async () => {
    const found = await find(deployment);
    expect(linesOf(found)).toEqual([
      '11: busybox:1.36',
      '14: acme/web:v1',
      '15: nginx:latest',
      '18: alpine:3',
      '22: acme/site:2',
    ]);
    expect(imagesOf(found)).toContain(`ghcr.io/acme/web:v1@${digest}`);
    expect(new Set(found.images.map(({ kind, reason }) => `${kind} ${reason}`))).toEqual(
      new Set(['kubernetes Deployment shop/web']),
    );
  });

  it.each([
    ['v1', 'Pod', pod('a:1')],
    ['v1', 'ReplicationController', template('a:1')],
    ['apps/v1', 'StatefulSet', template('a:1')],
    ['apps/v1', 'DaemonSet', template('a:1')],
    ['apps/v1', 'ReplicaSet', template('a:1')],
    ['batch/v1', 'Job', template('a:1')],
    ['batch/v1', 'CronJob', `{jobTemplate: {spec: ${template('a:1')}}}`],
    ['argoproj.io/v1alpha1', 'Rollout', template('a:1')],
    ['serving.knative.dev/v1', 'Service', template('a:1')],
    ['serving.knative.dev/v1', 'Configuration', template('a:1')],
    ['serving.knative.dev/v1', 'Revision', pod('a:1')],
    ['sources.knative.dev/v1', 'ContainerSource', template('a:1')],
    ['apps.kruise.io/v1alpha1', 'CloneSet', template('a:1')],
    ['jobset.x-k8s.io/v1alpha2', 'JobSet', `{replicatedJobs: [{template: {spec: ${template('a:1')}}}]}`],
    ['kubeflow.org/v1', 'PyTorchJob', `{pytorchReplicaSpecs: {Worker: ${template('a:1')}}}`],
    ['kubevirt.io/v1', 'VirtualMachineInstance', '{volumes: [{name: d, containerDisk: {image: "a:1"}}]}'],
    ['kubevirt.io/v1', 'VirtualMachine', '{template: {spec: {volumes: [{containerDisk: {image: "a:1"}}]}}}'],
    [
      'kubevirt.io/v1',
      'VirtualMachine',
      '{template: {spec: {domain: {firmware: {kernelBoot: {container: {image: "a:1"}}}}}}}',
    ],
    [
      'kubevirt.io/v1',
      'VirtualMachine',
      '{dataVolumeTemplates: [{spec: {source: {registry: {url: "docker://a:1"}}}}]}',
    ],
    ['cdi.kubevirt.io/v1beta1', 'DataVolume', '{source: {registry: {url: "docker://a:1"}}}'],
    [
      'cdi.kubevirt.io/v1beta1',
      'DataImportCron',
      '{template: {spec: {source: {registry: {url: "docker://a:1"}}}}}',
    ],
    ['monitoring.coreos.com/v1', 'Prometheus', '{image: "a:1"}'],
    ['elasticsearch.k8s.elastic.co/v1', 'Elasticsearch', '{image: "a:1"}'],
    ['postgresql.cnpg.io/v1', 'Cluster', '{imageName: "a:1"}'],
    ['postgresql.cnpg.io/v1', 'ImageCatalog', '{images: [{major: 17, image: "a:1"}]}'],
    ['opentelemetry.io/v1alpha1', 'Instrumentation', '{java: {image: "a:1"}}'],
    ['sparkoperator.k8s.io/v1beta2', 'SparkApplication', '{driver: {image: "a:1"}}'],
  ])('of %s %s names its images', async (apiVersion, kind, spec) => {
    expect(
      await images(`apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata: {name: x}\nspec: ${spec}\n`),
    ).toEqual(['a:1']);
  });

  it.each([
    ['a template of its own', `apiVersion: v1\nkind: PodTemplate\ntemplate: {spec: ${pod('a:1')}}`],
    ['a list', `apiVersion: v1\nkind: List\nitems: [{kind: Pod, apiVersion: v1, spec: ${pod('a:1')}}]`],
    ['a list of pods', `apiVersion: v1\nkind: PodList\nitems: [{spec: ${pod('a:1')}}]`],
    ['JSON', `{"kind":"Pod","apiVersion":"v1","spec":{"containers":[{"image":"a:1"}]}}`],
    [
      'anchors',
      `apiVersion: v1\nkind: Pod\nspec:\n  initContainers: [&c {image: a:1}]\n  containers: [*c, {<<: *c, name: b}]`,
    ],
    ['a key in quotes, escaped', `apiVersion: v1\nkind: Pod\nspec: {containers: [{"\\u0069mage": a:1}]}`],
  ])('as %s names its images', async (_what, text) => {
    expect(await images(text)).toEqual(['a:1']);
  });

  it.each([
    ['the schema of custom resources', 'apiextensions.k8s.io/v1', 'CustomResourceDefinition'],
    ['an earlier state', 'apps/v1', 'ControllerRevision'],
    ['patterns of a policy', 'kyverno.io/v1', 'ClusterPolicy'],
    ['patterns of a constraint', 'constraints.gatekeeper.sh/v1beta1', 'K8sAllowedRepos'],
  ])('that has %s names none', async (_what, apiVersion, kind) => {
    expect(await images(`apiVersion: ${apiVersion}\nkind: ${kind}\nspec: ${pod('a:1')}`)).toEqual([]);
  });

  it('has no images where there are only words of that name', async () => {
    const text = `apiVersion: v1
kind: ConfigMap
data:
  image: not/this
  pod.yaml: |
    containers:
      - image: not/this
---
apiVersion: argoproj.io/v1alpha1
kind: Application
spec: {source: {helm: {values: "image: not/this"}}, info: [{icon: image.png}]}
`;
    expect(await images(text)).toEqual([]);
  });

  it('of a controller that sets the image later has none, and its words are left out where they are no image', async () => {
    const found = await find(
      `apiVersion: example.org/v1\nkind: Widget\nspec:\n  containers:\n  - image: ""\n  - image: "*:latest"\n  - image: a:1`,
    );
    expect(imagesOf(found)).toEqual(['docker.io/library/a:1']);
    expect(remarksOf(found.notes)).toEqual([
      'all.yaml:6: Widget has "*:latest" where others have an image: left out',
    ]);
    expect(found.problems).toEqual([]);
  });

  it('has a note for what a node never pulls', async () => {
    const found = await find(
      'apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec:\n  containers:\n  - {image: "local:1", imagePullPolicy: Never}',
    );
    expect(imagesOf(found)).toEqual([]);
    expect(remarksOf(found.notes)).toEqual([
      'all.yaml:6: Pod x takes local:1 from its node only: its pull policy is Never',
    ]);
  });

  it('has a problem for what is no image', async () => {
    const found = await find('apiVersion: v1\nkind: Pod\nspec: {containers: [{image: "Nginx"}]}');
    expect(remarksOf(found.problems)).toEqual([
      expect.stringMatching(/^all\.yaml:3: "Nginx" has capital letters/u),
    ]);
  });
});

describe('what helm template writes', () => {
  const rendered = `---
# Source: shop/templates/service.yaml
apiVersion: v1
kind: Service
metadata:
  name: shop
---
# Source: shop/templates/empty.yaml
---
# Source: shop/templates/deployment.yaml
${deployment}---
# Source: shop/templates/tests/ping.yaml
apiVersion: v1
kind: Pod
metadata:
  name: "shop-ping"
  annotations:
    "helm.sh/hook": test
spec:
  containers:
    - name: wget
      image: 'busybox'
  restartPolicy: Never
`;

  it('names its images with the lines of the whole stream', async () => {
    expect(linesOf(await find(rendered))).toEqual([
      '21: busybox:1.36',
      '24: acme/web:v1',
      '25: nginx:latest',
      '28: alpine:3',
      '32: acme/site:2',
      '47: busybox:latest',
    ]);
  });

  it('names the same as Windows writes it', async () => {
    expect(linesOf(await find(rendered.replaceAll('\n', '\r\n')))).toEqual(linesOf(await find(rendered)));
  });

  it('is known by its content on the standard input', async () => {
    await using files = await FindFixture.of({});
    const stdin = (async function* chunks() {
      yield Buffer.from(rendered);
    })();
    expect((await files.find('-', { stdin })).images).toHaveLength(6);
  });

  it('has a part that is wrong named, beside the images of the others', async () => {
    const found = await find(`${deployment}---\na: "image\n---\n${deployment}`);
    expect(found.images).toHaveLength(10);
    expect(remarksOf(found.problems)).toEqual(['all.yaml:27: is not valid YAML: deficient indentation']);
  });
});

describe('a chart that is not rendered', () => {
  const head = 'apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n';

  it.each([
    [
      'a value',
      'spec:\n  containers:\n  - image: {{ .Values.image }}\n    name: x',
      6,
      '{{ .Values.image }}',
    ],
    [
      'parts of a value',
      'spec:\n  containers:\n  - image: "{{ .Values.repo }}:{{ .Values.tag }}"',
      6,
      '{{ .Values.repo }}:{{ .Values.tag }}',
    ],
    [
      'parts without quotes',
      'spec:\n  containers:\n  - image: {{ .Values.repo }}:{{ .Values.tag }}',
      6,
      '- image: {{ .Values.repo }}:{{ .Values.tag }}',
    ],
    [
      'lines',
      '{{- if .Values.on }}\nspec: {containers: [{image: a:1}]}\n{{- end }}',
      4,
      '{{- if .Values.on }}',
    ],
  ])('is told with what to do, where a template stands for %s', async (_what, text, line, shown) => {
    const found = await find(head + text);
    expect(imagesOf(found)).toEqual([]);
    expect(found.problems).toEqual([]);
    expect(found.unresolved).toEqual([
      {
        file: 'all.yaml',
        line,
        text: shown,
        problem: 'it is a template that is not rendered',
        advice: 'helm template … | entrepot warm -f -',
      },
    ]);
  });

  it('is none for templates that mean something to others', async () => {
    const text = `apiVersion: monitoring.coreos.com/v1\nkind: PrometheusRule\nspec: {note: "no image in {{ $labels.pod }}"}`;
    expect(await images(text)).toEqual([]);
  });
});

describe('variables in a manifest', () => {
  const text = 'apiVersion: v1\nkind: Pod\nspec: {containers: [{image: "web:${TAG}"}]}';

  it('are replaced, as envsubst does it', async () => {
    expect(imagesOf(await find(text, { environment: new Map([['TAG', '2']]) }))).toEqual([
      'docker.io/library/web:2',
    ]);
  });

  it('are told if they are not set', async () => {
    expect((await find(text)).unresolved).toEqual([
      { file: 'all.yaml', line: 3, text: 'web:${TAG}', problem: 'TAG is not set', advice: '--env TAG=…' },
    ]);
  });
});

describe('a manifest as bad input', () => {
  it('with aliases of aliases is refused, and the other parts count', async () => {
    const levels = Array.from(
      { length: 60 },
      (_, level) => `a${level + 1}: &a${level + 1} [*a${level}, *a${level}]`,
    );
    const bomb = ['apiVersion: v1', 'kind: Pod', 'image: x', 'a0: &a0 [x]', ...levels].join('\n');
    const found = await find(`${bomb}\n---\n${deployment}`);
    expect(found.images).toHaveLength(5);
    expect(remarksOf(found.problems)).toEqual([
      expect.stringMatching(
        /^all\.yaml:\d+: has more than 4000000 values in it, once its aliases are followed$/u,
      ),
    ]);
  });

  it.each([
    ['containers that are none', 'spec: {containers: image}'],
    [
      'containers in another form',
      'spec: {containers: [image, [image], null, {image: [a]}, {image: {b: c}}, {image: null}]}',
    ],
    ['odd names', 'metadata: [image]\nspec: {1: image, null: image, [a]: image}'],
    ['nothing but a text', '|\n image'],
  ])('with %s names none', async (_what, text) => {
    expect(
      await images(
        `apiVersion: v1\nkind: Pod\n${text === '' ? '' : text}`.replace(/kind: Pod\n\|/u, 'kind: |'),
      ),
    ).toEqual([]);
  });
});
