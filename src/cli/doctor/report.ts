import { styleText } from 'node:util';
import type { Level } from './check.ts';
import type { NamedFinding } from './examination.ts';

const colours = { ok: 'green', warning: 'yellow', problem: 'red' } as const;

/** For people: a line for each finding, and one below it with what to do. */
export function textReport(findings: readonly NamedFinding[], colourful: boolean): string {
  const width = Math.max(0, ...findings.map(({ check }) => check.length));
  const paint = (level: Level, text: string): string =>
    colourful ? styleText(colours[level], text, { validateStream: false }) : text;
  const lines = findings.flatMap(({ level, check, message, advice }) => [
    `${paint(level, level.padEnd(7))}  ${check.padEnd(width)}  ${message}`,
    ...(advice === undefined ? [] : [`${' '.repeat(11 + width)}${advice}`]),
  ]);
  return `${lines.join('\n')}\n${paint(worst(findings), verdict(findings))}\n`;
}

/** For machines: one JSON document. */
export function jsonReport(findings: readonly NamedFinding[]): string {
  const ordered = findings.map(({ level, check, message, advice }) => ({ level, check, message, advice }));
  return `${JSON.stringify({ verdict: worst(findings), findings: ordered }, undefined, 2)}\n`;
}

export function worst(findings: readonly NamedFinding[]): Level {
  const has = (level: Level): boolean => findings.some((finding) => finding.level === level);
  return has('problem') ? 'problem' : has('warning') ? 'warning' : 'ok';
}

function verdict(findings: readonly NamedFinding[]): string {
  const count = (level: Level, word: string): string => {
    const number = findings.filter((finding) => finding.level === level).length;
    return `${number === 0 ? 'no' : number} ${word}${number === 1 ? '' : 's'}`;
  };
  return `${count('problem', 'problem')}, ${count('warning', 'warning')}`;
}
