import { StoreError } from '../../store/store-error.ts';

export const careErrorKinds = ['not-found', 'invalid', 'pinned', 'unavailable', 'failed'] as const;

/**
 * `not-found`: it is not cached. `invalid`: the request makes no sense. `pinned`: a pattern protects it.
 * `unavailable`: the cache or the server cannot be reached right now. `failed`: anything else.
 */
export type CareErrorKind = (typeof careErrorKinds)[number];

/** Why a Caretaker did not do something; the message is for people. */
export class CareError extends Error {
  override readonly name = 'CareError';
  readonly kind: CareErrorKind;

  constructor(kind: CareErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}

/** An error of a Caretaker or of its stores, as told to people. Undefined for an unexpected one. */
export function careErrorOf(error: unknown): CareError | undefined {
  if (error instanceof CareError) return error;
  if (!(error instanceof StoreError)) return undefined;
  const passes: ReadonlySet<string> = new Set(['NO_SPACE', 'NOT_WRITABLE', 'LOCKED', 'IN_USE']);
  return new CareError(passes.has(error.code) ? 'unavailable' : 'failed', error.message, { cause: error });
}
