import { parseImageReference } from '../../oci/image-reference.ts';
import type { Findings } from '../findings.ts';
import type { Unresolved } from '../found-image.ts';
import { fillIn } from '../placeholders.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { argo } from './argo.ts';
import { isInGroup, ownImages } from './custom-resources.ts';
import { ImageWalk, type ImageField } from './image-walk.ts';
import { pods, virtualMachines } from './pods.ts';
import { tekton } from './tekton.ts';

/** Kinds that describe containers, or keep old ones, but run none. */
const inert: ReadonlySet<string> = new Set([
  'ConfigMap',
  'ControllerRevision',
  'CustomResourceDefinition',
  'MutatingWebhookConfiguration',
  'Secret',
  'ValidatingAdmissionPolicy',
  'ValidatingWebhookConfiguration',
]);

/** Groups whose resources have patterns where others have images. */
const policies = ['kyverno.io', 'gatekeeper.sh'];

/** Resources of Kubernetes itself, whose every image is one that a node pulls. */
const ownGroups: ReadonlySet<string> = new Set(['', 'apps', 'batch', 'extensions']);

export interface ResourceDeps {
  /** Where what a node says is added. */
  readonly findingsOf: (node: YamlNode) => Findings;
  /** What variables stand for, as `envsubst` would put it. */
  readonly environment: ReadonlyMap<string, string>;
}

/** Adds the images of a resource, and of a list of resources those of each. */
export function addResource(resource: YamlNode, deps: ResourceDeps): void {
  const kind = resource.textAt('kind') ?? '';
  if (kind.endsWith('List') && resource.at('items')?.isSequence === true) {
    for (const item of resource.itemsAt('items')) addResource(item, deps);
    return;
  }
  const group = apiGroup(resource);
  if (inert.has(kind) || policies.some((one) => isInGroup(group, one))) return;
  const reason = resourceName(resource);
  const isOwn = ownGroups.has(group);
  for (const field of imageFields(resource, group)) {
    addField(field, { ...deps, reason, isOwn });
  }
}

/** `apps` of `apps/v1`; the core group has none. */
function apiGroup(resource: YamlNode): string {
  const version = resource.textAt('apiVersion') ?? '';
  return version.slice(0, Math.max(version.indexOf('/'), 0));
}

/** `Deployment shop/web`. */
function resourceName(resource: YamlNode): string {
  const namespace = resource.textAt('metadata', 'namespace');
  const name = resource.textAt('metadata', 'name') ?? resource.textAt('metadata', 'generateName');
  const path = [namespace, name].filter((part) => part !== undefined).join('/');
  return [resource.textAt('kind') ?? 'resource', path].filter((part) => part !== '').join(' ');
}

function imageFields(resource: YamlNode, group: string): readonly ImageField[] {
  const own = ownImages(resource, group).map((node) => {
    return { node, filled: { text: node.text ?? '' }, pullPolicy: undefined };
  });
  return [...own.filter(({ filled }) => filled.text !== ''), ...inPods(resource, group)];
}

function inPods(resource: YamlNode, group: string): readonly ImageField[] {
  if (isInGroup(group, 'argoproj.io')) return new ImageWalk(argo).run(resource);
  if (isInGroup(group, 'tekton.dev')) return new ImageWalk(tekton).run(resource);
  return new ImageWalk(isInGroup(group, 'kubevirt.io') ? virtualMachines : pods).run(resource);
}

interface FieldContext extends ResourceDeps {
  readonly reason: string;
  readonly isOwn: boolean;
}

function addField(field: ImageField, { reason, isOwn, findingsOf, environment }: FieldContext): void {
  const { node, pullPolicy } = field;
  const { line } = node;
  const findings = findingsOf(node);
  const resolved = 'text' in field.filled ? resolve(field.filled.text, environment) : notInFile(field.filled);
  if (!('text' in resolved)) {
    findings.addUnresolved({ line, text: node.text ?? '', ...resolved });
    return;
  }
  const { text } = resolved;
  if (pullPolicy === 'Never') {
    // The kubelet has it on its node, or fails.
    findings.addNote(line, `${reason} takes ${text} from its node only: its pull policy is Never`);
  } else if (!isOwn && parseImageReference(text) === undefined) {
    findings.addNote(line, `${reason} has "${text}" where others have an image: left out`);
  } else {
    findings.addImage(text, { line, reason });
  }
}

type Remedy = Pick<Unresolved, 'problem' | 'advice'>;

function notInFile({ missing }: { readonly missing: string }): Remedy {
  return { problem: `${missing} has no value in the file`, advice: undefined };
}

function resolve(text: string, environment: ReadonlyMap<string, string>): { readonly text: string } | Remedy {
  if (text.includes('{{')) return unrendered;
  const filled = fillIn(text, /\$\{(\w+)\}|\$(\w+)|\$/gu, (name) => environment.get(name));
  if ('text' in filled) return filled;
  const { missing } = filled;
  return { problem: `${missing} is not set`, advice: missing === '$' ? undefined : `--env ${missing}=…` };
}

/** What is said of templates that Helm has to render. */
export const unrendered: Remedy = {
  problem: 'it is a template that is not rendered',
  advice: 'helm template … | entrepot warm -f -',
};
