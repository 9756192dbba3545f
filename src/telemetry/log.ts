import type { Logger as PinoLogger } from 'pino';

/** The logger that the composition root hands down; structured, with secrets redacted by name. */
export type Logger = PinoLogger;
