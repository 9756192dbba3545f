import type { Platform } from '../../oci/platform.ts';
import type { UnknownValue } from '../dockerfile/word-error.ts';
import { statedPlatform } from '../stated-platform.ts';
import type { BakeTarget, Placed } from './bake-file.ts';
import type { FileSequence } from './file-sequence.ts';
import { evaluate } from './hcl/evaluate.ts';
import { HclError } from './hcl/hcl-error.ts';
import { asList, asText, type HclValue } from './hcl/value.ts';

/** Build arguments of a target. */
interface TargetArgs {
  readonly known: ReadonlyMap<string, string>;
  readonly unknown: ReadonlyMap<string, UnknownValue>;
}

/** Evaluates what is needed of a target. What cannot be evaluated goes to the findings. */
export class TargetReader {
  readonly #target: BakeTarget;
  readonly #files: FileSequence;
  #isResolved = true;

  constructor(target: BakeTarget, files: FileSequence) {
    this.#target = target;
    this.#files = files;
  }

  /** Whether all that was asked for could be evaluated. */
  get isResolved(): boolean {
    return this.#isResolved;
  }

  /** A text; undefined where the target does not say, or it cannot be evaluated. */
  text(key: string): string | undefined {
    const placed = this.#target.attributes.get(key);
    if (placed === undefined) return undefined;
    return this.#evaluated(placed, (value, line) => (value === null ? undefined : asText(value, line)));
  }

  /** What stands in for images of a name; those that cannot be evaluated are left out. */
  contexts(): ReadonlyMap<string, string> {
    const texts = new Map<string, string>();
    // It is left whole where not even its names are known.
    this.text('contexts');
    for (const [name, placed] of this.#target.contexts) {
      const value = this.#evaluated(placed, asText);
      if (value !== undefined) texts.set(name, value);
    }
    return texts;
  }

  /** Build arguments, by what is known of each: not all of them are needed. */
  args(): TargetArgs {
    const known = new Map<string, string>();
    const unknown = new Map<string, UnknownValue>();
    this.text('args');
    for (const [name, { expression, scope }] of this.#target.args) {
      try {
        const value = evaluate(expression, scope);
        if (value !== null) known.set(name, asText(value, expression.line));
      } catch (error) {
        if (!(error instanceof HclError)) throw error;
        unknown.set(name, { problem: error.message, advice: `--build-arg ${name}=…` });
      }
    }
    return { known, unknown };
  }

  /** What it is built for; undefined where the target does not say. */
  platforms(local: Platform): readonly Platform[] | undefined {
    const placed = this.#target.attributes.get('platforms');
    if (placed === undefined) return undefined;
    const platforms = this.#evaluated(placed, (value, line) =>
      asList(value, line).map((item) => {
        const text = asText(item, line);
        const platform = text === 'local' ? local : statedPlatform(text);
        if (platform === undefined) throw new HclError(line, `"${text.slice(0, 40)}" is no platform`);
        return platform;
      }),
    );
    return platforms === undefined || platforms.length === 0 ? undefined : platforms;
  }

  #evaluated<T>({ expression, scope }: Placed, read: (value: HclValue, line: number) => T): T | undefined {
    try {
      return read(evaluate(expression, scope), expression.line);
    } catch (error) {
      if (!(error instanceof HclError)) throw error;
      this.#isResolved = false;
      const { findings, file, line } = this.#files.at(error.line);
      const text = file.text.split('\n')[line - 1] ?? '';
      findings.addUnresolved({ line, text: text.trim(), problem: error.message, advice: undefined });
      return undefined;
    }
  }
}
