import { checkCron, CronSyntaxError, isTimeZone } from '../base/cron.ts';
import { z } from '../base/zod.ts';
import {
  imageReferenceProblem,
  imageReferenceText,
  parseImageReference,
  type ImageReference,
} from '../oci/image-reference.ts';
import { parsePlatforms, platformText, PlatformSyntaxError, type Platforms } from '../oci/platform.ts';
import { boolean, duration, oneOrMore, refuse, scalar, shown, text } from './scalars.ts';

const image = scalar((value, ctx): ImageReference => {
  const reference = parseImageReference(value);
  if (reference !== undefined) return reference;
  return refuse(ctx, `${shown(value)} ${imageReferenceProblem(value) ?? 'is no image reference'}`);
}, imageReferenceText);

const schedule = scalar((value, ctx): string => {
  try {
    checkCron(value);
    return value;
  } catch (error) {
    if (!(error instanceof CronSyntaxError)) throw error;
    return refuse(ctx, `${shown(value)} ${error.message}; write for example '0 3 * * *' for three at night`);
  }
});

const timeZone = scalar((value, ctx): string => {
  if (isTimeZone(value)) return value;
  return refuse(ctx, `${shown(value)} is not a time zone such as Europe/Berlin`);
});

const platforms = scalar(
  (value, ctx): Platforms => {
    try {
      return parsePlatforms(value);
    } catch (error) {
      if (error instanceof PlatformSyntaxError) return refuse(ctx, error.message);
      throw error;
    }
  },
  (given) => (given === 'all' ? given : given.map(platformText).join(',')),
);

/** What is warmed, and when. */
export const warmSchema = z.strictObject({
  images: oneOrMore(image).default([]),
  files: oneOrMore(text).default([]),
  /** Without it, once at each start. */
  schedule: schedule.optional(),
  /** Without it, the system's. */
  timezone: timeZone.optional(),
  platforms: platforms.optional(),
  referrers: boolean.default(false),
  pin: boolean.default(false),
  jitter: duration(0).default(5 * 60_000),
});
