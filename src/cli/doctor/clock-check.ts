import { ok, problem, type Finding } from './check.ts';
import type { Diagnosis } from './registry-examiner.ts';

/** More than this spoils tokens and signed URLs, in milliseconds. */
const mostMs = 60_000;

/** Does this machine's clock agree with those of the registries? */
export function checkClock(diagnoses: readonly Diagnosis[]): readonly Finding[] {
  const skews = diagnoses.map(({ skewMs }) => skewMs).filter((skew) => skew !== undefined);
  // One registry whose own clock is wrong is outvoted.
  const skewMs = skews.toSorted((one, other) => one - other)[Math.floor(skews.length / 2)];
  if (skewMs === undefined) return [ok('no registry to compare it with')];
  if (Math.abs(skewMs) <= mostMs) return [ok('agrees with the registries')];
  return [
    problem(
      `${Math.round(Math.abs(skewMs) / 1000)} s ${skewMs > 0 ? 'behind' : 'ahead of'} the registries`,
      'set it, best by NTP (timedatectl set-ntp true): tokens and certificates go by it',
    ),
  ];
}
