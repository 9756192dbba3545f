export type Level = 'ok' | 'warning' | 'problem';

/** One thing that a check has found. Neither text holds a secret. */
export interface Finding {
  readonly level: Level;
  readonly message: string;
  /** What to do about it. */
  readonly advice?: string | undefined;
}

/** One question about an installation. */
export interface Check {
  /** A word or two for the report. */
  readonly name: string;
  /**
   * Runs the check. Rejects only with unexpected errors.
   * @param signal aborts when it takes too long; what is known by then is still worth reporting
   */
  run(signal: AbortSignal): Promise<readonly Finding[]>;
}

export function ok(message: string): Finding {
  return { level: 'ok', message };
}

export function warning(message: string, advice?: string): Finding {
  return { level: 'warning', message, advice };
}

export function problem(message: string, advice?: string): Finding {
  return { level: 'problem', message, advice };
}
