import { pino, type DestinationStream, type Logger as PinoLogger, type LoggerOptions } from 'pino';
import { LogLines } from './log-lines.ts';
import { LogOutput } from './log-output.ts';
import { formatText } from './text-format.ts';

/** The logger that the composition root hands down; structured, with secrets redacted by name. */
export type Logger = PinoLogger;

export interface LogOptions {
  readonly level: 'error' | 'warn' | 'info' | 'debug' | 'trace';
  /** `text` is for people, `json` is pino's, `logstash` has `@timestamp`, `@version` and `message`. */
  readonly formatter: 'text' | 'json' | 'logstash';
  /** Added to every line. */
  readonly fields: Readonly<Record<string, string>>;
}

/** Never logged on purpose. Patterns for any depth would cost four times as much as a line. */
const secretPaths = [
  'authorization',
  'cookie',
  'credentials',
  'headers.authorization',
  'headers.cookie',
  'headers["set-cookie"]',
  'password',
  'secret',
  '["set-cookie"]',
  'token',
];

/** Writes lines to standard output in the background; what is left is written when the process exits. */
function standardOutput(): DestinationStream {
  const output = new LogOutput(1);
  process.once('exit', () => {
    output.flushSync();
  });
  return output;
}

/** @param destination gets whole lines, one a call */
export function createLogger(
  { level, formatter, fields }: LogOptions,
  destination: DestinationStream = standardOutput(),
): Logger {
  const options: LoggerOptions = {
    level,
    redact: { paths: secretPaths, censor: '[redacted]' },
    base: fields,
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  };
  switch (formatter) {
    case 'json':
      return pino(options, new LogLines(destination));
    case 'logstash':
      return pino(
        {
          ...options,
          base: { ...fields, '@version': '1' },
          messageKey: 'message',
          timestamp: () => `,"@timestamp":"${new Date().toISOString()}"`,
        },
        new LogLines(destination),
      );
    case 'text':
      return pino(options, new LogLines(destination, formatText));
  }
}
