import { parseImageReference } from '../../oci/image-reference.ts';
import type { Findings } from '../findings.ts';
import type { Filled } from '../placeholders.ts';
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

/** Adds the images of a resource, and of a list of resources those of each. */
export function addResource(resource: YamlNode, findingsOf: (node: YamlNode) => Findings): void {
  const kind = resource.textAt('kind') ?? '';
  if (kind.endsWith('List') && resource.at('items')?.isSequence === true) {
    for (const item of resource.itemsAt('items')) addResource(item, findingsOf);
    return;
  }
  const group = apiGroup(resource);
  if (inert.has(kind) || policies.some((one) => isInGroup(group, one))) return;
  const reason = resourceName(resource);
  const isOwn = ownGroups.has(group);
  for (const field of imageFields(resource, group)) {
    addField(field, { reason, isOwn, findings: findingsOf(field.node) });
  }
}

/** `apps` of `apps/v1`; the core group has none. */
export function apiGroup(resource: YamlNode): string {
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

interface FieldContext {
  readonly reason: string;
  readonly isOwn: boolean;
  readonly findings: Findings;
}

function addField({ node, filled, pullPolicy }: ImageField, { reason, isOwn, findings }: FieldContext): void {
  const { line } = node;
  const problem = unresolvedProblem(filled);
  if (problem !== undefined) {
    findings.addUnresolved({ line, text: node.text ?? '', ...problem });
    return;
  }
  const text = 'text' in filled ? filled.text : '';
  if (pullPolicy === 'Never') {
    // The kubelet takes it from its node or fails.
    findings.addNote(line, `${reason} takes ${text} from its node only: imagePullPolicy is Never`);
  } else if (!isOwn && parseImageReference(text) === undefined) {
    findings.addNote(line, `${reason} has "${text}" where others of its kind have an image: left out`);
  } else {
    findings.addImage(text, { line, reason });
  }
}

function unresolvedProblem(filled: Filled): { problem: string; advice: string | undefined } | undefined {
  if ('missing' in filled) {
    return { problem: `${filled.missing} has no value in this file`, advice: undefined };
  }
  if (filled.text.includes('{{')) return unrendered;
  return filled.text.includes('$') ? { problem: 'it has a variable in it', advice: 'substitute it first' } : undefined;
}

/** What is said of templates that Helm has to render. */
export const unrendered = {
  problem: 'it is a template that is not rendered',
  advice: 'helm template … | entrepot warm -f -',
} as const;
