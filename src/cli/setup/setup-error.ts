/** Why a client cannot be set up, in words for the operator; nothing has been written. */
export class SetupError extends Error {
  override readonly name = 'SetupError';
}

/** The command line asks for something that cannot be; running it again will not help. */
export class SetupUsageError extends SetupError {}
