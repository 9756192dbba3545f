/** A word that cannot be expanded. */
export class WordError extends Error {
  override readonly name = 'WordError';
  /** The variable that must be set for it: `${TAG:?…}`. */
  readonly required: string | undefined;

  constructor(message: string, required?: string) {
    super(message);
    this.required = required;
  }
}
