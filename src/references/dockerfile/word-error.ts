/** Why the value of a variable is not known, and what to give. */
export interface UnknownValue {
  /** As a clause: `TAG is not set`. */
  readonly problem: string;
  readonly advice: string | undefined;
}

/** A word that cannot be expanded. */
export class WordError extends Error {
  override readonly name = 'WordError';
  /** The variable that must be set for it: `${TAG:?…}`. */
  readonly required: string | undefined;
  /** Why the value of a variable in it is not known. */
  readonly unknown: UnknownValue | undefined;

  constructor(message: string, why: { readonly required?: string; readonly unknown?: UnknownValue } = {}) {
    super(message);
    this.required = why.required;
    this.unknown = why.unknown;
  }
}
