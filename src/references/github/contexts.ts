import { data } from '@actions/expressions';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { LookupContext, UnknownValue, valueOf, type Contexts, type Value } from './expressions.ts';

/** What the caller of a workflow gives to its inputs; evaluated when it is needed. */
export type Given = ReadonlyMap<string, () => Value>;

interface ContextSources {
  readonly workflow: YamlNode;
  readonly given: Given;
  readonly environment: ReadonlyMap<string, string>;
}

/** What the expressions of a workflow may be evaluated with before it runs. */
export function contextsOf({ workflow, given, environment }: ContextSources): Contexts {
  const variable = (path: string, name: string, use = name): Value => {
    const value = environment.get(use);
    if (value === undefined) throw new UnknownValue(`${path}.${name}`, use);
    return new data.StringData(value);
  };
  const inputs = inputsContext(workflow, given, (name) => variable('inputs', name));
  const others = new Map([
    ['inputs', inputs],
    ['vars', new LookupContext((name) => variable('vars', name))],
    // A run has most of them in variables, too.
    ['github', new LookupContext((name) => variable('github', name, `GITHUB_${name.toUpperCase()}`))],
  ]);
  const env = new LookupContext((name) => {
    const node = workflow.at('env', name);
    return node === undefined ? variable('env', name) : valueOf(node, others);
  });
  return new Map([...others, ['env', env]]);
}

/** Inputs, which have defaults; one that is given to nobody and not required is empty. */
function inputsContext(workflow: YamlNode, given: Given, variable: (name: string) => Value): LookupContext {
  const on = workflow.at('on');
  const declared = ['workflow_call', 'workflow_dispatch'].flatMap((event) => [
    ...(on?.at(event, 'inputs')?.entries ?? []),
  ]);
  return new LookupContext((name) => {
    const value = given.get(name);
    if (value !== undefined) return value();
    const [, input] = declared.find(([key, node]) => key === name && node.at('default') !== undefined) ??
      declared.find(([key]) => key === name) ?? [name, undefined];
    const fallback = input?.at('default');
    if (fallback !== undefined) return valueOf(fallback, new Map());
    if (input !== undefined && input.textAt('required') !== 'true') return emptyUnless(() => variable(name));
    return variable(name);
  });
}

function emptyUnless(variable: () => Value): Value {
  try {
    return variable();
  } catch (error) {
    if (error instanceof UnknownValue) return new data.StringData('');
    throw error;
  }
}
