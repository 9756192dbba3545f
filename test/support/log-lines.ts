import { pino } from 'pino';
import type { Logger } from '../../src/telemetry/log.ts';

/** A logger that keeps what it is told, parsed. */
export function logLines(level = 'info'): {
  readonly logger: Logger;
  readonly lines: Record<string, unknown>[];
} {
  const lines: Record<string, unknown>[] = [];
  const write = (line: string): void => {
    lines.push(JSON.parse(line) as Record<string, unknown>);
  };
  return { logger: pino({ level }, { write }), lines };
}
