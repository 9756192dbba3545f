import type { YamlNode } from '../yaml/yaml-node.ts';

/** Where custom resources name images besides their pod templates: an API group, the kinds, and the field below `spec`. */
const fields: readonly (readonly [group: string, kinds: RegExp, path: string])[] = [
  ['acid.zalan.do', /^postgresql$/u, 'dockerImage'],
  ['k8s.elastic.co', /./u, 'image'],
  ['monitoring.coreos.com', /^(?:Prometheus|PrometheusAgent|Alertmanager|ThanosRuler)$/u, 'image'],
  ['opentelemetry.io', /^OpenTelemetryCollector$/u, 'image'],
  ['opentelemetry.io', /^Instrumentation$/u, '*.image'],
  ['postgresql.cnpg.io', /^Cluster$/u, 'imageName'],
  ['postgresql.cnpg.io', /ImageCatalog$/u, 'images.*.image'],
  ['rabbitmq.com', /^RabbitmqCluster$/u, 'image'],
  ['sparkoperator.k8s.io', /^SparkApplication$/u, 'image'],
  ['sparkoperator.k8s.io', /^SparkApplication$/u, 'driver.image'],
  ['sparkoperator.k8s.io', /^SparkApplication$/u, 'executor.image'],
  ['sparkoperator.k8s.io', /^ScheduledSparkApplication$/u, 'template.image'],
  ['sparkoperator.k8s.io', /^ScheduledSparkApplication$/u, 'template.driver.image'],
  ['sparkoperator.k8s.io', /^ScheduledSparkApplication$/u, 'template.executor.image'],
  ['tekton.dev', /^StepAction$/u, 'image'],
];

/** The scalars with images that are fields of custom resources of their own. */
export function ownImages(resource: YamlNode, group: string): readonly YamlNode[] {
  const kind = resource.textAt('kind') ?? '';
  return fields
    .filter(([inGroup, kinds]) => isInGroup(group, inGroup) && kinds.test(kind))
    .flatMap(([, , path]) => below(resource.at('spec'), path.split('.')));
}

/** Whether a group is `parent`, or one of its groups: `elasticsearch.k8s.elastic.co` of `k8s.elastic.co`. */
export function isInGroup(group: string, parent: string): boolean {
  return group === parent || group.endsWith(`.${parent}`);
}

/** The nodes at a path in which `*` stands for any key or index. */
function below(node: YamlNode | undefined, path: readonly string[]): readonly YamlNode[] {
  if (node === undefined) return [];
  const [key, ...rest] = path;
  if (key === undefined) return [node];
  const parts = key === '*' ? [...node.items, ...node.entries.values()] : [node.at(key)];
  return parts.flatMap((part) => below(part, rest));
}
