import type { Remark } from './found-image.ts';

/**
 * A file that cannot be used at all, such as a binary or malformed YAML; the message names neither file nor
 * line.
 */
export class BadFile extends Error implements Remark {
  readonly file: string;
  readonly line: number | undefined;

  constructor({ file, line, message }: Remark, options?: ErrorOptions) {
    super(message, options);
    this.name = 'BadFile';
    this.file = file;
    this.line = line;
  }
}
