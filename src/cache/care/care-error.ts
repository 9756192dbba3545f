export const careErrorKinds = ['not-found', 'invalid', 'pinned', 'unavailable', 'failed'] as const;

/**
 * `not-found`: nothing such is held. `invalid`: what was asked for makes no sense. `pinned`: a pattern protects it.
 * `unavailable`: the cache or the server cannot be reached right now. `failed`: anything else.
 */
export type CareErrorKind = (typeof careErrorKinds)[number];

/** Why a Caretaker did not do as it was told; the message is for people. */
export class CareError extends Error {
  override readonly name = 'CareError';
  readonly kind: CareErrorKind;

  constructor(kind: CareErrorKind, message: string, options?: ErrorOptions) {
    super(message, options);
    this.kind = kind;
  }
}
