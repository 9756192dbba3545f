import { BadFile } from '../bad-file.ts';
import { parseInstruction, type Instruction, type Instructions } from './instructions.ts';
import { quotedWords } from './quoted-words.ts';

/** What a stage takes files from. */
export interface StageSource {
  /** A stage, by its name or number, or an image. */
  readonly name: string;
  readonly line: number;
  /** `COPY --from`, `RUN --mount`. */
  readonly reason: string;
}

/** A stage as it is written. */
export interface Stage {
  readonly line: number;
  /** With variables. */
  readonly base: string;
  readonly platform: string | undefined;
  /** In lower case. */
  readonly name: string | undefined;
  readonly sources: readonly StageSource[];
  /** Sources of stages that begin with this one. */
  readonly onBuild: readonly StageSource[];
}

/** `ARG NAME=VALUE` before the first stage. */
export interface GlobalArg {
  readonly line: number;
  readonly name: string;
  /** With variables; undefined: must be given. */
  readonly value: string | undefined;
}

export interface DockerfileParts {
  readonly args: readonly GlobalArg[];
  /** At least one. */
  readonly stages: readonly Stage[];
}

/** A stage that is being read. */
interface OpenStage extends Stage {
  readonly sources: StageSource[];
  readonly onBuild: StageSource[];
}

const instructionNames: ReadonlySet<string> = new Set(
  `ADD ARG CMD COPY ENTRYPOINT ENV EXPOSE FROM HEALTHCHECK LABEL MAINTAINER ONBUILD RUN SHELL STOPSIGNAL USER VOLUME
  WORKDIR`.split(/\s+/u),
);

/**
 * What of a Dockerfile says which images it needs.
 * @throws {BadFile}
 */
export function readStages(path: string, { instructions, escape }: Instructions): DockerfileParts {
  const args: GlobalArg[] = [];
  const stages: OpenStage[] = [];
  const bad = (line: number, message: string): BadFile => new BadFile({ file: path, line, message });
  for (const instruction of instructions) {
    const { name, line } = instruction;
    const stage = stages.at(-1);
    if (!instructionNames.has(name)) throw bad(line, `unknown instruction ${name.slice(0, 40)}`);
    if (name === 'FROM') stages.push(readFrom(instruction, bad));
    else if (stage !== undefined) addSources(stage, instruction, escape, bad);
    else if (name === 'ARG') args.push(...readArgs(instruction, escape, bad));
    else throw bad(line, `${name} before the first FROM`);
  }
  if (stages.length === 0) throw new BadFile({ file: path, line: undefined, message: 'has no FROM' });
  return { args, stages };
}

type MakeBad = (line: number, message: string) => BadFile;

function readFrom({ line, rest, flags }: Instruction, bad: MakeBad): OpenStage {
  const [base = '', as, written, ...more] = rest.split(/[\t\v\f\r ]+/u);
  const isNamed = as?.toLowerCase() === 'as' && written !== undefined && more.length === 0;
  if (base === '' || (as !== undefined && !isNamed)) throw bad(line, 'FROM takes IMAGE, or IMAGE AS NAME');
  const name = written?.toLowerCase();
  if (name !== undefined && !/^[a-z][a-z0-9_.-]*$/u.test(name)) {
    throw bad(line, `"${written?.slice(0, 40)}" cannot be the name of a stage`);
  }
  const stranger = flags.find((flag) => !flag.startsWith('--platform='));
  if (stranger !== undefined || flags.length > 1)
    throw bad(line, `FROM does not take ${stranger ?? flags[1]}`);
  const [, platform] = /^--platform=(.+)$/su.exec(flags[0] ?? '') ?? [];
  return { line, base, name, platform, sources: [], onBuild: [] };
}

/** The words of an `ARG`, quotes and escapes as they are. */
function readArgs({ line, rest }: Instruction, escape: string, bad: MakeBad): readonly GlobalArg[] {
  const words = quotedWords(rest, escape);
  if (words.length === 0 || words.some((word) => word.startsWith('=')))
    throw bad(line, 'ARG takes NAME, or NAME=VALUE');
  return words.map((text) => {
    const equals = text.indexOf('=');
    if (equals < 0) return { line, name: text, value: undefined };
    return { line, name: text.slice(0, equals), value: text.slice(equals + 1) };
  });
}

function addSources(stage: OpenStage, instruction: Instruction, escape: string, bad: MakeBad): void {
  if (instruction.name !== 'ONBUILD') {
    stage.sources.push(...sourcesOf(instruction, bad));
    return;
  }
  const inner = parseInstruction(instruction.rest, instruction.line, escape);
  if (['FROM', 'ONBUILD', 'MAINTAINER'].includes(inner.name)) {
    throw bad(instruction.line, `ONBUILD does not take ${inner.name}`);
  }
  const sources = sourcesOf(inner, bad);
  stage.onBuild.push(...sources.map((source) => ({ ...source, reason: `ONBUILD ${source.reason}` })));
}

function sourcesOf({ name, line, flags }: Instruction, bad: MakeBad): readonly StageSource[] {
  if (name === 'COPY') {
    const [flag, ...more] = flags.filter((one) => one.startsWith('--from='));
    const from = flag?.slice('--from='.length) ?? '';
    if (more.length > 0) throw bad(line, 'COPY takes one --from');
    if (/\$\w|\$\{/u.test(from)) throw bad(line, variableProblem('COPY --from', from));
    return from === '' ? [] : [{ name: from, line, reason: 'COPY --from' }];
  }
  if (name !== 'RUN') return [];
  return flags.flatMap((flag) => {
    const from = flag.startsWith('--mount=') ? mountSource(flag.slice('--mount='.length)) : '';
    if (/\$./su.test(from)) throw bad(line, variableProblem('from in RUN --mount', from));
    return from === '' ? [] : [{ name: from, line, reason: 'RUN --mount' }];
  });
}

function variableProblem(where: string, text: string): string {
  return `${where} takes no variables: ${text.slice(0, 80)}; name a stage with FROM ${text.slice(0, 80)} AS NAME, and take that`;
}

/** The value of `from` in a mount: fields of CSV, the last of them counts. */
function mountSource(mount: string): string {
  let from = '';
  for (const [field] of mount.matchAll(/(?:"(?:[^"]|"")*"|[^,])+/gu)) {
    const plain = field.startsWith('"') ? field.slice(1, -1).replaceAll('""', '"') : field;
    const equals = plain.indexOf('=');
    if (plain.slice(0, Math.max(equals, 0)).toLowerCase() === 'from') from = plain.slice(equals + 1);
  }
  return from;
}
