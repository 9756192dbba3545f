import { EVENT_ID, getScalarValue, SCALAR_STYLE, type Event, type ScalarEvent } from 'js-yaml';
import { BadFile } from '../bad-file.ts';
import type { SourceFile } from '../source-file.ts';
import { isText } from './scalar-type.ts';
import { YamlNode, type YamlOrigin } from './yaml-node.ts';
import type { YamlPart } from './yaml-parts.ts';

interface NodeReaderDeps {
  readonly file: SourceFile;
  /** What was parsed of it. */
  readonly part: YamlPart;
  readonly events: readonly Event[];
  /** Whether keys that stand twice, or are no texts, are refused; else the last one counts. */
  readonly isStrict: boolean;
}

/** Nodes, those of aliases counted each time; more than a file of the largest size has without them. */
const maxNodes = 4_000_000;

interface Anchored {
  readonly node: YamlNode;
  /** Nodes in it. */
  readonly size: number;
}

/** What begins a node. */
type NodeEvent = Extract<Event, { readonly anchorStart: number }>;

/** Makes nodes of the parser's events. */
export class NodeReader {
  readonly #deps: NodeReaderDeps;
  #next = 0;
  /** The nodes of anchors so far: an alias is the very same node. */
  #anchors = new Map<string, Anchored>();
  #count = 0;
  #line: number;
  #offset = 0;

  constructor(deps: NodeReaderDeps) {
    this.#deps = deps;
    this.#line = deps.part.line;
  }

  documents(): readonly YamlNode[] {
    const documents: YamlNode[] = [];
    while (this.#next < this.#deps.events.length) {
      this.#next += 1;
      this.#anchors = new Map();
      for (let event = this.#take(); event !== undefined; event = this.#take()) {
        const node = this.#node(event);
        if (node.value !== null) documents.push(node);
      }
    }
    return documents;
  }

  /** The next event of a document, a sequence or a mapping; undefined at its end. */
  #take(): NodeEvent | undefined {
    const event = this.#deps.events[this.#next];
    this.#next += 1;
    return event !== undefined && 'anchorStart' in event ? event : undefined;
  }

  #node(event: NodeEvent): YamlNode {
    const before = this.#count;
    this.#grow(1, event);
    const anchor = this.#slice(event.anchorStart, event.anchorEnd);
    if (event.type === EVENT_ID.ALIAS) return this.#target(anchor ?? '', event);
    const start = event.type === EVENT_ID.SCALAR ? event.valueStart : event.start;
    const tag = this.#slice(event.tagStart, event.tagEnd);
    const origin = { file: this.#deps.file, line: this.#lineAt(start), tag };
    const node = this.#collectionOrScalar(event, origin);
    if (anchor !== undefined) this.#anchors.set(anchor, { node, size: this.#count - before });
    return node;
  }

  #collectionOrScalar(event: Exclude<NodeEvent, { readonly type: 5 }>, origin: YamlOrigin): YamlNode {
    if (event.type === EVENT_ID.SCALAR) return this.#scalar(event, origin);
    if (event.type === EVENT_ID.SEQUENCE) return this.#sequence(origin);
    const mapping = this.#mapping(origin);
    // A template that is not rendered, which YAML reads as a mapping within a mapping.
    const template = /\{\{.*/uy;
    template.lastIndex = event.start;
    const [text] = template.exec(this.#deps.part.text) ?? [];
    return text === undefined ? mapping : mapping.with(text);
  }

  #scalar(event: ScalarEvent, origin: YamlOrigin): YamlNode {
    const text = getScalarValue(this.#deps.part.text, event);
    const isPlain = event.style === SCALAR_STYLE.PLAIN;
    const isNull = isPlain && origin.tag === undefined && /^(?:~|null|Null|NULL|)$/u.test(text);
    return new YamlNode(isNull ? null : text, { ...origin, isPlain });
  }

  #sequence(origin: YamlOrigin): YamlNode {
    const items: YamlNode[] = [];
    for (let event = this.#take(); event !== undefined; event = this.#take()) items.push(this.#node(event));
    return new YamlNode(items, origin);
  }

  #mapping(origin: YamlOrigin): YamlNode {
    const entries = new Map<string, YamlNode>();
    const merged: YamlNode[] = [];
    for (let event = this.#take(); event !== undefined; event = this.#take()) {
      const key = this.#node(event);
      const valueEvent = this.#take();
      if (valueEvent === undefined) break;
      const value = this.#node(valueEvent);
      const isMerge = key.text === '<<' && key.origin.isPlain === true;
      if (this.#deps.isStrict) this.#checkKey(key, isMerge ? merged.length > 0 : entries.has(keyText(key)));
      if (isMerge) merged.push(value);
      else entries.set(keyText(key), value);
    }
    for (const source of merged) this.#merge(entries, source);
    return new YamlNode(entries, origin);
  }

  #checkKey(key: YamlNode, isThere: boolean): void {
    if (isThere) throw this.#bad(key.line, `has "${keyText(key)}" a second time in the same mapping`);
    if (key.text === '<<' || isText(key)) return;
    throw this.#bad(key.line, 'has a key that is no text: put it in quotes');
  }

  #merge(entries: Map<string, YamlNode>, merged: YamlNode): void {
    for (const source of merged.isSequence ? merged.items : [merged]) {
      if (this.#deps.isStrict && !source.isMapping)
        throw this.#bad(merged.line, 'merges (<<) what is no mapping');
      for (const [key, value] of source.entries) if (!entries.has(key)) entries.set(key, value);
    }
  }

  #target(anchor: string, alias: NodeEvent): YamlNode {
    const target = this.#anchors.get(anchor);
    if (target === undefined) {
      throw this.#bad(
        this.#lineAt(alias.anchorStart),
        `is not valid YAML: no anchor &${anchor} before its alias, or around it`,
      );
    }
    this.#grow(target.size, alias);
    return target.node;
  }

  /** A few aliases of aliases would keep any reader of the nodes busy for ever. */
  #grow(size: number, event: NodeEvent): void {
    this.#count += size;
    if (this.#count <= maxNodes) return;
    throw this.#bad(
      this.#lineAt(event.anchorStart),
      `has more than ${maxNodes} values in it, once its aliases are followed`,
    );
  }

  #bad(line: number, message: string): BadFile {
    return new BadFile({ file: this.#deps.file.path, line, message });
  }

  #slice(start: number, end: number): string | undefined {
    return start < 0 ? undefined : this.#deps.part.text.slice(start, end);
  }

  /** Offsets grow, so that lines are counted once; a null that is not written has none. */
  #lineAt(offset: number): number {
    const { text } = this.#deps.part;
    for (let at = text.indexOf('\n', this.#offset); at >= 0 && at < offset; at = text.indexOf('\n', at + 1)) {
      this.#line += 1;
      this.#offset = at + 1;
    }
    return this.#line;
  }
}

/** Keys that are no scalars are of no use to any tool. */
function keyText({ value, text }: YamlNode): string {
  return text ?? (value === null ? 'null' : '');
}
