import { HeaderScanner } from '../header-scanner.ts';

/**
 * One challenge of a `WWW-Authenticate` header.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
export interface Challenge {
  /** In lower case: `bearer`, `basic`. */
  readonly scheme: string;
  /** Names in lower case, values unquoted. Of a name given twice, the first counts. */
  readonly parameters: ReadonlyMap<string, string>;
}

/** Longer headers are cut: real ones have a few hundred characters. */
const maxLength = 4096;

const token = "[!#$%&'*+.^_`|~0-9A-Za-z-]+";
const schemePattern = new RegExp(`[\\s,]*(${token})(?=[\\s,]|$)`, 'y');
const parameterPattern = new RegExp(
  `[\\s,]*(${token})[ \\t]*=[ \\t]*(?:"((?:[^"\\\\]|\\\\[^])*)"|(${token}))[ \\t]*(?=,|$)`,
  'y',
);
/** Anything up to the next comma outside quotes, for when nothing else fits. Always matches. */
const rubbishPattern = /[\s,]*(?:"(?:[^"\\]|\\[^]?)*(?:"|$)|[^,"])*(?:,|$)/y;

/**
 * Reads the challenges of all `WWW-Authenticate` lines. Several may share a line, separated by commas as
 * parameters are; quoted strings may hold commas and escapes. What is malformed is left out.
 */
export function parseChallenges(lines: readonly string[]): readonly Challenge[] {
  return lines.flatMap(parseLine);
}

function parseLine(line: string): readonly Challenge[] {
  const scanner = new HeaderScanner(line.slice(0, maxLength));
  const challenges: { readonly scheme: string; readonly parameters: Map<string, string> }[] = [];
  while (!scanner.isAtEnd) {
    const parameter = scanner.take(parameterPattern);
    if (parameter !== null) {
      const [, name = '', quoted, bare = ''] = parameter;
      const parameters = challenges.at(-1)?.parameters;
      const key = name.toLowerCase();
      if (parameters?.has(key) === false) {
        parameters.set(key, quoted === undefined ? bare : quoted.replace(/\\([^])/g, '$1'));
      }
      continue;
    }
    const scheme = scanner.take(schemePattern);
    if (scheme !== null) {
      challenges.push({ scheme: (scheme[1] ?? '').toLowerCase(), parameters: new Map() });
      continue;
    }
    scanner.take(rubbishPattern);
  }
  return challenges;
}
