import { describe, expect, it } from 'vitest';
import { createLogger, type LogOptions } from '../../../src/telemetry/log.ts';

function logging(config: Partial<LogOptions> = {}) {
  const lines: string[] = [];
  const logger = createLogger(
    { level: 'info', formatter: 'json', fields: {}, ...config },
    { write: (line) => void lines.push(line) },
  );
  return { logger, lines };
}

describe('the log', () => {
  it('writes JSON with names for levels and times that people read', () => {
    const { logger, lines } = logging({ fields: { site: 'home' } });

    logger.warn({ bytes: 5 }, 'hello');

    expect(lines[0]).toMatch(
      /^{"level":"warn","time":"\d{4}-\d\d-\d\dT[\d:.]+Z","site":"home","bytes":5,"msg":"hello"}\n$/,
    );
  });

  it("writes logstash's names", () => {
    const { logger, lines } = logging({ formatter: 'logstash' });

    logger.info('hello');

    expect(lines[0]).toMatch(
      /^{"level":"info","@timestamp":"\d{4}-[\d:.T-]+Z","@version":"1","message":"hello"}\n$/,
    );
  });

  it('writes text in one line a message', () => {
    const { logger, lines } = logging({ formatter: 'text', fields: { site: 'home' } });

    logger.info({ bytes: 5, agent: 'a b', empty: '', list: [1] }, 'hello');

    expect(lines[0]).toMatch(
      /^\d{4}-\S+Z INFO {2}hello site=home bytes=5 agent="a b" empty="" list=\[1\]\n$/,
    );
  });

  it('writes an error with its stack and its causes in text', () => {
    const { logger, lines } = logging({ formatter: 'text' });

    logger.error({ err: new Error('outer', { cause: new Error('inner') }) }, 'broken');

    expect(lines[0]).toMatch(/ERROR broken\n {4}Error: outer\n {4}at [^]*caused by: Error: inner/);
  });

  it('lets no client forge a line or move the cursor', () => {
    const { logger, lines } = logging({ formatter: 'text' });

    logger.info({ agent: 'x\n2026 ERROR forged', other: '\u001b[2J\u009b2J' }, 'a\r\nb');

    expect(lines[0]?.trimEnd()).not.toMatch(/[\p{Cc}]/u);
  });

  it('says nothing below its level', () => {
    const { logger, lines } = logging({ level: 'error' });

    logger.warn('hello');

    expect(lines).toEqual([]);
  });

  it.each(['json', 'logstash', 'text'] as const)(
    'redacts what should never have come here, in %s',
    (formatter) => {
      const { logger, lines } = logging({ formatter });

      logger.info({
        authorization: 'geheim',
        headers: { authorization: 'geheim', cookie: 'geheim', 'set-cookie': 'geheim' },
        password: 'geheim',
        token: 'geheim',
        'set-cookie': 'geheim',
        credentials: { username: 'u', password: 'geheim' },
      });

      expect(lines[0]).toContain('[redacted]');
      expect(lines[0]).not.toContain('geheim');
    },
  );
});
