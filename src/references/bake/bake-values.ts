import { evaluate, type Scope } from './hcl/evaluate.ts';
import type { Attribute, Block, Body } from './hcl/expression.ts';
import type { HclFunction } from './hcl/functions.ts';
import { HclError } from './hcl/hcl-error.ts';
import { asNumber, type HclValue } from './hcl/value.ts';

/** What bake files are evaluated with. */
export interface BakeSettings {
  /** Values that override those of `variable` blocks. */
  readonly environment: ReadonlyMap<string, string>;
  /** This machine's: `linux/amd64`. */
  readonly localPlatform: string;
}

interface Global {
  readonly line: number;
  /** Undefined: a variable without a default. */
  readonly attribute: Attribute | undefined;
  /** Whether the environment overrides it. */
  readonly isVariable: boolean;
}

/** Steps of the evaluation of a file. */
const maxSteps = 200_000;

/** Functions that call one another. */
const maxCalls = 100;

/** Variables and functions of bake files. */
export class BakeValues implements Scope {
  readonly #settings: BakeSettings;
  readonly #globals = new Map<string, Global>();
  readonly #values = new Map<string, HclValue>();
  readonly #evaluating = new Set<string>();
  readonly #functions = new Map<string, HclFunction>();
  #steps = 0;
  #calls = 0;

  constructor(settings: BakeSettings) {
    this.#settings = settings;
  }

  /**
   * Takes over what a file declares; it overrides that of earlier files.
   * @throws {HclError}
   */
  declare({ attributes, blocks }: Body): void {
    for (const [name, attribute] of attributes) {
      this.#globals.set(name, { line: attribute.line, attribute, isVariable: false });
    }
    for (const block of blocks) {
      const [name = ''] = block.labels;
      if (block.type === 'variable') {
        const attribute = block.body.attributes.get('default') ?? this.#globals.get(name)?.attribute;
        this.#globals.set(name, { line: block.line, attribute, isVariable: true });
      } else if (block.type === 'function') this.#functions.set(name, this.#makeFunction(name, block));
    }
  }

  variable(name: string, line: number): HclValue {
    const known = this.#values.get(name);
    if (known !== undefined) return known;
    if (this.#evaluating.has(name)) throw new HclError(line, `${name} is made of itself`);
    this.#evaluating.add(name);
    try {
      const value = this.#evaluate(name, line);
      this.#values.set(name, value);
      return value;
    } finally {
      this.#evaluating.delete(name);
    }
  }

  ownFunction(name: string): HclFunction | undefined {
    return this.#functions.get(name);
  }

  step(line: number): void {
    this.#steps += 1;
    if (this.#steps > maxSteps) throw new HclError(line, 'too much to evaluate');
  }

  #evaluate(name: string, line: number): HclValue {
    const global = this.#globals.get(name);
    if (global === undefined) {
      if (name === 'BAKE_LOCAL_PLATFORM') return this.#settings.localPlatform;
      throw new HclError(line, `there is no variable ${name}`);
    }
    const { attribute, isVariable } = global;
    const given = isVariable ? this.#settings.environment.get(name) : undefined;
    // Without a default it is an empty text.
    const value = attribute === undefined ? '' : evaluate(attribute.expression, this);
    return given === undefined ? value : likeDefault(given, value, name, global.line);
  }

  #makeFunction(name: string, { body, line }: Block): HclFunction {
    const result = body.attributes.get('result');
    const names = namesOf(body.attributes.get('params'));
    const [variadic] = namesOf(body.attributes.get('variadic_params'));
    if (result === undefined) throw new HclError(line, `the function ${name} has no result`);
    return (args, at) => {
      if (args.length < names.length) throw new HclError(at, `${name} takes ${names.length} arguments`);
      this.#calls += 1;
      if (this.#calls > maxCalls) throw new HclError(at, `${name} calls itself without end`);
      const own = new Map<string, HclValue>(names.map((param, index) => [param, args[index] ?? null]));
      if (variadic !== undefined) own.set(variadic, args.slice(names.length));
      const value = evaluate(result.expression, withVariables(this, own));
      this.#calls -= 1;
      return value;
    };
  }
}

/** A scope with more variables in it. */
export function withVariables(scope: Scope, variables: ReadonlyMap<string, HclValue>): Scope {
  return {
    variable: (name, line) => {
      const own = variables.get(name);
      return own === undefined ? scope.variable(name, line) : own;
    },
    ownFunction: (name) => scope.ownFunction(name),
    step: (line) => scope.step(line),
  };
}

/** Names of parameters: bare words. */
function namesOf(attribute: Attribute | undefined): readonly string[] {
  const { expression } = attribute ?? {};
  if (expression?.type === 'variable') return [expression.name];
  if (expression?.type !== 'tuple') return [];
  return expression.items.flatMap((item) => {
    if (item.type === 'variable') return [item.name];
    return item.type === 'literal' && typeof item.value === 'string' ? [item.value] : [];
  });
}

/** What is given for a variable, of the type that its default has. */
function likeDefault(given: string, value: HclValue, name: string, line: number): HclValue {
  if (typeof value === 'string' || value === null) return given;
  if (typeof value === 'number') return asNumber(given, line);
  if (typeof value !== 'boolean')
    throw new HclError(line, `${name} is a list or an object, which cannot be given`);
  if (/^(?:1|t|true)$/iu.test(given)) return true;
  if (/^(?:0|f|false)$/iu.test(given)) return false;
  throw new HclError(line, `${name} is neither true nor false: ${given.slice(0, 40)}`);
}
