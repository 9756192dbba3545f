import { getOrMake } from '../../base/get-or-make.ts';
import { fillIn, type Filled } from '../placeholders.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import type { Dialect } from './image-walk.ts';
import { podLists } from './pods.ts';

/** Values of parameters by name; none for those that only the cluster can tell. */
type Parameters = ReadonlyMap<string, string>;

/** The parameters of a workflow, and of a template for each time that it is called. */
interface Scope {
  readonly workflow: Parameters;
  readonly calls: ReadonlyMap<string, readonly Parameters[]>;
  readonly inputs: readonly Parameters[];
}

const none: Parameters = new Map();

/** Argo's Workflows, WorkflowTemplates, CronWorkflows, Rollouts, Sensors and so on. */
export const argo: Dialect<Scope> = {
  lists: new Set([...podLists, 'sidecars']),
  containers: new Set(['container', 'script']),
  scope: { workflow: none, calls: new Map(), inputs: [none] },

  enter(mapping, scope) {
    const templates = mapping.itemsAt('templates');
    if (templates.length > 0) {
      const workflow = values(mapping.itemsAt('arguments', 'parameters'));
      return { ...scope, workflow, calls: callsIn(mapping, templates, workflow) };
    }
    const inputs = mapping.itemsAt('inputs', 'parameters');
    if (inputs.length === 0) return scope;
    const defaults = values(inputs);
    const calls = scope.calls.get(mapping.textAt('name') ?? '') ?? [none];
    return { ...scope, inputs: calls.map((call) => new Map([...defaults, ...call])) };
  },

  fill(text, { workflow, inputs }) {
    return inputs.map((input) => fill(text, workflow, input));
  },
};

/** @see https://argo-workflows.readthedocs.io/en/latest/variables/ */
function fill(text: string, workflow: Parameters, inputs: Parameters, item?: YamlNode): Filled {
  return fillIn(text, /\{\{\s*(.*?)\s*\}\}/gu, (name) => {
    const [, scope = '', parameter = ''] = /^(workflow|inputs)\.parameters\.(.+)$/u.exec(name) ?? [];
    if (scope === 'workflow') return workflow.get(parameter);
    if (scope === 'inputs') return inputs.get(parameter);
    return /^item(?:\.|$)/u.test(name) ? item?.textAt(...name.split('.').slice(1)) : undefined;
  });
}

/** What the file itself gives to parameters. */
function values(parameters: readonly YamlNode[]): Parameters {
  return new Map(
    parameters.flatMap((parameter) => {
      const value = parameter.textAt('value') ?? parameter.textAt('default');
      const name = parameter.textAt('name');
      return name === undefined || value === undefined ? [] : [[name, value] as const];
    }),
  );
}

/** What templates are called with, by their names; a parameter that is not known is left as it stands. */
function callsIn(workflow: YamlNode, templates: readonly YamlNode[], parameters: Parameters): Scope['calls'] {
  const calls = new Map<string, Parameters[]>();
  const add = (name: string | undefined, given: Parameters): void => {
    if (name !== undefined) getOrMake(calls, name, () => []).push(given);
  };
  add(workflow.textAt('entrypoint'), parameters);
  for (const template of templates) {
    const steps = template.itemsAt('steps').flatMap((parallel) => parallel.items);
    for (const step of [...steps, ...template.itemsAt('dag', 'tasks')]) {
      const given = values(step.itemsAt('arguments', 'parameters'));
      const items = step.itemsAt('withItems');
      for (const item of items.length === 0 ? [undefined] : items) {
        add(step.textAt('template'), fillAll(given, parameters, item));
      }
    }
  }
  return calls;
}

function fillAll(given: Parameters, workflow: Parameters, item: YamlNode | undefined): Parameters {
  return new Map(
    [...given].map(([name, value]) => {
      const filled = fill(value, workflow, none, item);
      return [name, 'text' in filled ? filled.text : value];
    }),
  );
}
