import { join } from 'node:path';
import type { Clock } from '../base/clock.ts';
import { CronSchedule } from '../base/cron.ts';
import type { WarmConfig } from '../config/config.ts';
import { WarmSchedule } from '../mirror/warm/schedule/warm-schedule.ts';
import type { Warmer } from '../mirror/warm/warmer.ts';
import { thisPlatform } from '../oci/platform.ts';
import { TimeFile } from '../store/filesystem/time-file.ts';
import type { Logger } from '../telemetry/log.ts';
import type { Connectivity } from '../upstream/connectivity.ts';

interface WarmingDeps {
  /** The data folder. */
  readonly folder: string;
  readonly warmer: Warmer;
  readonly connectivity: Connectivity;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What warms the images that are configured; to be started. */
export function composeWarming(
  { schedule, timezone, jitter, platforms = [thisPlatform()], ...rest }: WarmConfig,
  { folder, ...deps }: WarmingDeps,
): WarmSchedule {
  return new WarmSchedule({
    ...deps,
    policy: {
      ...rest,
      platforms,
      schedule: schedule === undefined ? undefined : new CronSchedule(schedule, timezone),
      jitterMs: jitter,
    },
    lastRun: new TimeFile(join(folder, 'warmed-at')),
    random: Math.random,
  });
}
