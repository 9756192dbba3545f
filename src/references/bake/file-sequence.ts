import { BadFile } from '../bad-file.ts';
import { Findings } from '../findings.ts';
import type { SourceFile } from '../source-file.ts';
import type { HclError } from './hcl/hcl-error.ts';

/** A file, and what is found in it. */
interface Member {
  readonly file: SourceFile;
  /** The number of its first line. */
  readonly firstLine: number;
  readonly findings: Findings;
}

/**
 * Files that are read as one: lines are numbered on from file to file, so that a number says where something
 * stands.
 */
export class FileSequence {
  readonly members: readonly Member[];

  constructor(files: readonly SourceFile[]) {
    let firstLine = 1;
    this.members = files.map((file) => {
      const member = { file, firstLine, findings: new Findings(file, 'bake') };
      firstLine += file.text.split('\n').length;
      return member;
    });
  }

  /** Where the findings of a line go, and which line of its file it is. */
  at(line: number): { readonly findings: Findings; readonly file: SourceFile; readonly line: number } {
    const member = this.members.findLast(({ firstLine }) => firstLine <= line) ?? this.members[0];
    if (member === undefined) throw new RangeError('no files');
    return { findings: member.findings, file: member.file, line: line - member.firstLine + 1 };
  }

  /** The same error, of its file. */
  badFile({ line, message }: HclError): BadFile {
    const place = this.at(line);
    return new BadFile({ file: place.file.path, line: place.line, message });
  }
}
