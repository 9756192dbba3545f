import { BadFile } from '../bad-file.ts';
import { Findings } from '../findings.ts';
import type { Found } from '../found-image.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';

interface ModelCommand {
  readonly name: string;
  readonly value: string;
  readonly line: number;
}

const commandNames: ReadonlySet<string> = new Set(
  'FROM PARAMETER TEMPLATE SYSTEM ADAPTER LICENSE MESSAGE REQUIRES RENDERER PARSER'.split(' '),
);

/** Where Ollama takes models from that are named without a registry. */
const registry = 'registry.ollama.ai';

/**
 * Finds the models of a registry that a Modelfile begins with; files on this machine are none.
 * @see https://docs.ollama.com/modelfile
 */
export async function findInModelfile(file: SourceFile, context: ParseContext): Promise<Found> {
  const findings = new Findings(file, 'modelfile');
  const froms = readCommands(file).filter(({ name }) => name === 'FROM');
  if (froms.length === 0) findings.addProblem(undefined, 'has no FROM');
  for (const { value, line } of froms) {
    if (isPath(value) || (await exists(value, file, context))) continue;
    const image = modelImage(value);
    if (image === image.toLowerCase()) findings.addImage(image, { line, reason: 'FROM' });
    else {
      const problem = 'its name has capital letters, which no registry of images takes';
      findings.addUnresolved({ line, text: `FROM ${value}`, problem, advice: undefined });
    }
  }
  return findings;
}

/** @throws {BadFile} */
function readCommands({ path, text }: SourceFile): readonly ModelCommand[] {
  const commands: ModelCommand[] = [];
  const lines = text.split(/\r?\n/u);
  for (let index = 0; index < lines.length; index += 1) {
    const first = lines[index]?.trim() ?? '';
    if (first === '' || first.startsWith('#')) continue;
    const line = index + 1;
    const [, name = '', start = ''] = /^(\S+)\s*(.*)$/su.exec(first) ?? [];
    if (!commandNames.has(name.toUpperCase())) {
      throw new BadFile({ file: path, line, message: `unknown command ${name.slice(0, 40)}` });
    }
    const [quote = ''] = /^"(?:"")?/u.exec(start) ?? [];
    let value = start;
    // A quoted text may go on over lines.
    while (!isClosed(value, quote)) {
      index += 1;
      const more = lines[index];
      if (more === undefined)
        throw new BadFile({ file: path, line, message: `the text after ${name} has no end` });
      value += `\n${more}`;
    }
    commands.push({
      name: name.toUpperCase(),
      value: value.trim().slice(quote.length, quote === '' ? undefined : -quote.length),
      line,
    });
  }
  return commands;
}

function isClosed(value: string, quote: string): boolean {
  return quote === '' || (value.length >= 2 * quote.length && value.trimEnd().endsWith(quote));
}

function isPath(value: string): boolean {
  return /^(?:[./~]|[a-z]:\\)|\.(?:gguf|bin|safetensors)$/iu.test(value);
}

/** As in Ollama, a file or folder of that name comes first. */
async function exists(value: string, file: SourceFile, context: ParseContext): Promise<boolean> {
  try {
    return (await context.read(value, file)) !== undefined;
  } catch (error) {
    // It is there, and no text.
    if (error instanceof BadFile) return true;
    throw error;
  }
}

/** A model's name as that of an image: `llama3.2` is `registry.ollama.ai/library/llama3.2`. */
function modelImage(value: string): string {
  const name = value.replace(/^[a-z]+:\/\//u, '');
  const slashes = name.split('/').length - 1;
  if (slashes > 1) return name;
  return slashes === 1 ? `${registry}/${name}` : `${registry}/library/${name}`;
}
