import { getOrMake } from '../../base/get-or-make.ts';
import { BakeValues, withVariables, type BakeSettings } from './bake-values.ts';
import { evaluate, type Scope } from './hcl/evaluate.ts';
import type { Block, Body, Expression } from './hcl/expression.ts';
import { HclError } from './hcl/hcl-error.ts';
import { asList, asObject, asText, type HclValue } from './hcl/value.ts';

/** An expression, and what its names stand for. */
export interface Placed {
  readonly expression: Expression;
  readonly scope: Scope;
}

/** A target, with all that it inherits; nothing in it is evaluated: what cannot be, may not be needed. */
export interface BakeTarget {
  readonly name: string;
  readonly line: number;
  readonly attributes: ReadonlyMap<string, Placed>;
  readonly args: ReadonlyMap<string, Placed>;
  readonly contexts: ReadonlyMap<string, Placed>;
}

/** A `target` block, or one of those that its matrix makes of it. */
interface Part {
  readonly block: Block;
  readonly scope: Scope;
}

/** What a matrix may make of a target. */
const maxCombinations = 1000;

/** Bake files, laid over one another. */
export class BakeFile {
  readonly #values: BakeValues;
  readonly #parts = new Map<string, Part[]>();
  readonly #groups = new Map<string, string[]>();

  /** @throws {HclError} */
  constructor(bodies: readonly Body[], settings: BakeSettings) {
    this.#values = new BakeValues(settings);
    for (const body of bodies) this.#values.declare(body);
    for (const { blocks } of bodies) {
      for (const block of blocks) {
        if (block.type === 'target') this.#addTarget(block);
        else if (block.type === 'group') this.#addGroup(block);
      }
    }
  }

  /** All names that can be built. */
  get names(): readonly string[] {
    return [...new Set([...this.#groups.keys(), ...this.#parts.keys()])];
  }

  /** The targets that names mean, groups in their place; undefined where one of them is unknown. */
  targetsOf(names: readonly string[]): readonly string[] | undefined {
    const targets = new Set<string>();
    const seen = new Set(names);
    for (const name of seen) {
      const members = this.#groups.get(name);
      for (const member of members ?? []) seen.add(member);
      if (members === undefined) targets.add(name);
    }
    return [...targets].every((name) => this.#parts.has(name)) ? [...targets] : undefined;
  }

  /** @throws {HclError} for an unknown target */
  target(name: string, line: number, heirs: readonly string[] = []): BakeTarget {
    const parts = this.#parts.get(name);
    if (parts === undefined) throw new HclError(line, `there is no target ${name}`);
    const attributes = new Map<string, Placed>();
    const maps = { args: new Map<string, Placed>(), contexts: new Map<string, Placed>() };
    const parents = parts.flatMap(({ block, scope }) => {
      const inherits = block.body.attributes.get('inherits');
      return inherits === undefined ? [] : textsOf(evaluate(inherits.expression, scope), inherits.line);
    });
    for (const parent of parents) {
      // As in bake, what inherits from itself takes nothing from that.
      if (parent === name || heirs.includes(parent)) continue;
      const inherited = this.target(parent, parts[0]?.block.line ?? line, [...heirs, name]);
      for (const [key, value] of inherited.attributes) attributes.set(key, value);
      for (const [key, value] of inherited.args) maps.args.set(key, value);
      for (const [key, value] of inherited.contexts) maps.contexts.set(key, value);
    }
    for (const { block, scope } of parts) {
      for (const [key, { expression }] of block.body.attributes) {
        const entries = key === 'args' || key === 'contexts' ? entriesOf({ expression, scope }) : undefined;
        if (entries === undefined) attributes.set(key, { expression, scope });
        else
          for (const [entry, value] of entries)
            if (!isNull(value)) maps[key as 'args' | 'contexts'].set(entry, value);
      }
    }
    return { name, line: parts[0]?.block.line ?? line, attributes, ...maps };
  }

  #addTarget(block: Block): void {
    const [label = ''] = block.labels;
    const matrix = block.body.attributes.get('matrix');
    const scope = this.#scopeOf();
    if (matrix === undefined) {
      getOrMake(this.#parts, label, () => []).push({ block, scope });
      return;
    }
    const name = block.body.attributes.get('name');
    if (name === undefined) throw new HclError(block.line, `the target ${label} has a matrix and no name`);
    const members = getOrMake(this.#groups, label, () => []);
    for (const variables of combinations(
      asObject(evaluate(matrix.expression, scope), matrix.line),
      matrix.line,
    )) {
      const inner = withVariables(scope, variables);
      const made = asText(evaluate(name.expression, inner), name.line);
      members.push(made);
      getOrMake(this.#parts, made, () => []).push({ block, scope: inner });
    }
  }

  #addGroup({ labels, body }: Block): void {
    const [name = ''] = labels;
    const targets = body.attributes.get('targets');
    const members =
      targets === undefined ? [] : textsOf(evaluate(targets.expression, this.#values), targets.line);
    // A later file has the last word.
    this.#groups.set(name, [...members]);
  }

  /** With `target.NAME.ATTRIBUTE`. */
  #scopeOf(): Scope {
    const values = this.#values;
    return {
      variable: (name, line) => (name === 'target' ? this.#targetsAt(line) : values.variable(name, line)),
      ownFunction: (name) => values.ownFunction(name),
      step: (line) => values.step(line),
    };
  }

  #targetsAt(line: number): HclValue {
    return new LazyObject((name) => {
      const target = this.target(name, line);
      const read = (values: ReadonlyMap<string, Placed>, key: string): HclValue => {
        const placed = values.get(key);
        if (placed === undefined) throw new HclError(line, `the target ${name} has no ${key}`);
        return evaluate(placed.expression, placed.scope);
      };
      return new LazyObject((key) => {
        if (key !== 'args' && key !== 'contexts') return read(target.attributes, key);
        return new LazyObject((entry) => read(target[key], entry));
      });
    });
  }
}

/** An object whose values are made when they are asked for. */
class LazyObject extends Map<string, HclValue> {
  readonly #make: (key: string) => HclValue;

  constructor(make: (key: string) => HclValue) {
    super();
    this.#make = make;
  }

  override get(key: string): HclValue {
    return this.#make(key);
  }
}

/** The entries of an object as it is written, or of one that was made; undefined for one that cannot be. */
function entriesOf({ expression, scope }: Placed): ReadonlyMap<string, Placed> | undefined {
  try {
    if (expression.type === 'object') {
      return new Map(
        expression.items.map(({ key, value }) => [
          asText(evaluate(key, scope), key.line),
          { expression: value, scope },
        ]),
      );
    }
    const { line } = expression;
    const made = asObject(evaluate(expression, scope), line);
    return new Map([...made].map(([key, value]) => [key, { expression: quoted(value, line), scope }]));
  } catch (error) {
    if (error instanceof HclError) return undefined;
    throw error;
  }
}

function quoted(value: HclValue, line: number): Expression {
  if (value === null) return { type: 'literal', line, value: null };
  return { type: 'literal', line, value: asText(value, line) };
}

function isNull({ expression }: Placed): boolean {
  return expression.type === 'literal' && expression.value === null;
}

/** @throws {HclError} */
function textsOf(value: HclValue, line: number): readonly string[] {
  return asList(value, line).map((item) => asText(item, line));
}

/** Every choice of one value for each name. */
function combinations(
  matrix: ReadonlyMap<string, HclValue>,
  line: number,
): readonly ReadonlyMap<string, HclValue>[] {
  let all: readonly ReadonlyMap<string, HclValue>[] = [new Map()];
  for (const [name, values] of matrix) {
    const choices = asList(values, line);
    if (all.length * choices.length > maxCombinations) throw new HclError(line, 'too large a matrix');
    all = all.flatMap((chosen) => choices.map((value) => new Map([...chosen, [name, value]])));
  }
  return all;
}
