/** What cannot be read as HCL, or evaluated. */
export class HclError extends Error {
  override readonly name = 'HclError';
  /** From 1. */
  readonly line: number;

  constructor(line: number, message: string) {
    super(message);
    this.line = line;
  }
}
