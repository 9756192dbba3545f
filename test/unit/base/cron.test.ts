import { describe, expect, it } from 'vitest';
import { CronSchedule, isTimeZone } from '../../../src/base/cron.ts';

const at = (text: string): number => Date.parse(text);

describe('a schedule', () => {
  it.each([
    ['0 3 * * *', '2026-01-05T02:00:00Z', '2026-01-06T02:00:00Z'],
    ['0 3 * * 1-5', '2026-01-09T12:00:00Z', '2026-01-12T02:00:00Z'],
    ['*/20 7,8 * * *', '2026-01-05T06:01:00Z', '2026-01-05T06:20:00Z'],
    ['@daily', '2026-01-05T12:00:00Z', '2026-01-05T23:00:00Z'],
    // The night in which there is no half past two in Berlin.
    ['30 2 * * *', '2026-03-28T12:00:00Z', '2026-03-29T01:00:00Z'],
  ])('%s comes after %s at %s', (pattern, after, next) => {
    expect(new Date(new CronSchedule(pattern, 'Europe/Berlin').next(at(after)) ?? 0).toISOString()).toBe(
      new Date(next).toISOString(),
    );
  });

  it('knows when it was last', () => {
    const schedule = new CronSchedule('0 3 * * *', 'Europe/Berlin');
    expect(schedule.previous(at('2026-01-05T12:00:00Z'))).toBe(at('2026-01-05T02:00:00Z'));
  });

  it.each([
    ['daily', 'has not five fields'],
    ['0 0 3 * * *', 'has not five fields'],
    ['2026-01-05T12:00:00', 'has not five fields'],
    ['0 25 * * *', 'is not in the format of crontab'],
    ['x 3 * * *', 'is not in the format of crontab'],
    ['0 0 30 2 *', 'never comes'],
  ])('is not %j', (pattern, message) => {
    expect(() => new CronSchedule(pattern)).toThrow(message);
  });
});

it('a time zone is one that the system knows', () => {
  expect(isTimeZone('Europe/Berlin')).toBe(true);
  expect(isTimeZone('Mars/Olympus')).toBe(false);
});
