import { expect, test } from 'vitest';
import { createLogger, type LogOptions } from '../../../src/telemetry/log.ts';
import { repeatedLine } from '../../../src/telemetry/repeated-line.ts';

const fields = {
  method: 'GET',
  user: undefined,
  name: 'library/app',
  userAgent: 'evil"\nagent 2026-01-01T00:00:00.000Z',
  token: 'secret',
  bytes: 12,
};

const time = /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/;

function logged(formatter: LogOptions['formatter'], level: LogOptions['level'] = 'info'): string[] {
  const lines: string[] = [];
  const logger = createLogger(
    { level, formatter, fields: { site: 'a' } },
    { write: (line) => void lines.push(line) },
  );
  logger.info({ requestId: 'id-1', client: '2001:db8::7', ...fields }, 'request');
  const line = repeatedLine({ logger, names: ['requestId', 'client'], fields, message: 'request' });
  line.write('id-1', '2001:db8::7');
  return lines;
}

test.each(['text', 'json', 'logstash'] as const)(
  'a line that is repeated is as the logger writes it, in the format %s',
  (formatter) => {
    const [whole = '', repeated = '', ...others] = logged(formatter);
    expect(others).toStrictEqual([]);
    expect(repeated.replace(time, '')).toBe(whole.replace(time, ''));
    expect(repeated).not.toContain('secret');
    const [at = ''] = time.exec(repeated) ?? [];
    expect(Math.abs(Date.parse(at) - Date.now())).toBeLessThan(60_000);
  },
);

test('a line that is repeated is not written where its level is not', () => {
  expect(logged('text', 'error')).toStrictEqual([]);
});
