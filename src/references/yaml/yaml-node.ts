import type { SourceFile } from '../source-file.ts';

/** What a node holds: the text of a scalar, whatever its type; null; a mapping; a sequence. */
export type YamlValue = string | null | ReadonlyMap<string, YamlNode> | readonly YamlNode[];

/** Where a node stands, and how it is written. */
export interface YamlOrigin {
  readonly file: SourceFile;
  /** From 1. */
  readonly line: number;
  /** An explicit tag of its own, such as `!reference`. */
  readonly tag?: string | undefined;
  /** Whether it is a scalar without quotes, which may be a number or a boolean. */
  readonly isPlain?: boolean;
}

const nothing: ReadonlyMap<string, YamlNode> = new Map();

/**
 * A node of a YAML or JSON document, with the place where it stands. Aliases are the very node that they refer to, and merge
 * keys (`<<`) are merged. What is read from a node that is of another sort is absent or empty.
 */
export class YamlNode {
  readonly value: YamlValue;
  readonly origin: YamlOrigin;

  constructor(value: YamlValue, origin: YamlOrigin) {
    this.value = value;
    this.origin = origin;
  }

  get line(): number {
    return this.origin.line;
  }

  get file(): SourceFile {
    return this.origin.file;
  }

  /** The text of a scalar. */
  get text(): string | undefined {
    return typeof this.value === 'string' ? this.value : undefined;
  }

  /** The elements of a sequence. */
  get items(): readonly YamlNode[] {
    return isSequence(this.value) ? this.value : [];
  }

  /** The entries of a mapping, in order. */
  get entries(): ReadonlyMap<string, YamlNode> {
    return isMapping(this.value) ? this.value : nothing;
  }

  get isMapping(): boolean {
    return isMapping(this.value);
  }

  get isSequence(): boolean {
    return isSequence(this.value);
  }

  /** What stands below these keys, one in the other. */
  at(...keys: readonly string[]): YamlNode | undefined {
    return keys.reduce<YamlNode | undefined>((node, key) => node?.entries.get(key), this);
  }

  /** The text below these keys. */
  textAt(...keys: readonly string[]): string | undefined {
    return this.at(...keys)?.text;
  }

  /** The elements below these keys. */
  itemsAt(...keys: readonly string[]): readonly YamlNode[] {
    return this.at(...keys)?.items ?? [];
  }

  /** The same mapping with another value of a key; without the key for undefined. */
  withEntry(key: string, value: YamlNode | undefined): YamlNode {
    const entries = new Map(this.entries);
    if (value === undefined) entries.delete(key);
    else entries.set(key, value);
    return this.with(entries);
  }

  /** The same place with something else in it. */
  with(value: YamlValue): YamlNode {
    return new YamlNode(value, this.origin);
  }
}

function isSequence(value: YamlValue): value is readonly YamlNode[] {
  return Array.isArray(value);
}

function isMapping(value: YamlValue): value is ReadonlyMap<string, YamlNode> {
  return value instanceof Map;
}
