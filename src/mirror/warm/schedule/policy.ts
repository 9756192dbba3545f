import type { CronSchedule } from '../../../base/cron.ts';
import type { ImageReference } from '../../../oci/image-reference.ts';
import type { Platforms } from '../../../oci/platform.ts';

/** What is warmed, and when. */
export interface WarmPolicy {
  readonly images: readonly ImageReference[];
  /** Absolute names of files and folders that name more; they are read for each run. */
  readonly files: readonly string[];
  readonly platforms: Platforms;
  readonly referrers: boolean;
  readonly pin: boolean;
  /** Undefined: once at each start. */
  readonly schedule: CronSchedule | undefined;
  /** How much later than scheduled a run begins at most, in milliseconds. */
  readonly jitterMs: number;
}
