import { Cron } from 'croner';

/** Why a text is no schedule, as the end of a sentence that begins with it. */
export class CronSyntaxError extends Error {
  override readonly name = 'CronSyntaxError';
  readonly code = 'CRON_SYNTAX';
}

/** Points in time that repeat: minute, hour, day of the month, month and day of the week, as in crontab(5). */
export class CronSchedule {
  readonly #cron: Cron;

  /**
   * @param timezone such as `Europe/Berlin`; the system's if not given
   * @throws {CronSyntaxError} also for a schedule that never comes, and a time zone that does not exist
   */
  constructor(pattern: string, timezone?: string) {
    // It would take a date for a pattern as well.
    const isNickname = /^@(?:yearly|annually|monthly|weekly|daily|midnight|hourly)$/i.test(pattern);
    if (!isNickname && pattern.trim().split(/\s+/).length !== 5)
      throw new CronSyntaxError('has not five fields: minute, hour, day, month and day of the week');
    try {
      this.#cron = new Cron(pattern, { paused: true, mode: '5-part', ...(timezone && { timezone }) });
    } catch (cause) {
      throw new CronSyntaxError('is not in the format of crontab', { cause });
    }
    if (this.next(0) === undefined) throw new CronSyntaxError('never comes');
  }

  /** The first time after `at`; both in milliseconds since the epoch. */
  next(at: number): number | undefined {
    return this.#cron.nextRun(new Date(at))?.getTime();
  }

  /** The last time before `at`. */
  previous(at: number): number | undefined {
    return this.#cron.previousRuns(1, new Date(at))[0]?.getTime();
  }
}

/**
 * Checks a pattern without its time zone, which changes nothing about whether it is one.
 * @throws {CronSyntaxError}
 */
export function checkCron(pattern: string): void {
  void new CronSchedule(pattern);
}

/** Whether the system knows a time zone. */
export function isTimeZone(name: string): boolean {
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}
