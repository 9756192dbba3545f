import { ok, problem, type Check, type Finding } from './check.ts';
import type { UpstreamSurvey } from './upstream-survey.ts';

/** More than this spoils tokens and signed URLs, in milliseconds. */
const mostMs = 60_000;

/** Does this machine's clock agree with those of the registries? */
export class ClockCheck implements Check {
  readonly name = 'clock';
  readonly #survey: UpstreamSurvey;

  constructor(survey: UpstreamSurvey) {
    this.#survey = survey;
  }

  async run(signal: AbortSignal): Promise<readonly Finding[]> {
    const diagnoses = await this.#survey.diagnoses(signal);
    const skews = diagnoses.map(({ skewMs }) => skewMs).filter((skew) => skew !== undefined);
    // One registry whose own clock is wrong is outvoted.
    const skewMs = skews.toSorted((one, other) => one - other)[Math.floor(skews.length / 2)];
    if (skewMs === undefined) return [ok('no registry to compare it with')];
    const seconds = Math.round(Math.abs(skewMs) / 1000);
    if (Math.abs(skewMs) <= mostMs) return [ok('agrees with the registries')];
    return [
      problem(
        `${seconds} s ${skewMs > 0 ? 'behind' : 'ahead of'} the registries`,
        'set it, best by NTP (timedatectl set-ntp true): tokens and certificates go by it',
      ),
    ];
  }
}
