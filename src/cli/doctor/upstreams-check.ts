import { problem, type Check, type Finding } from './check.ts';
import type { UpstreamSurvey } from './upstream-survey.ts';

/** Does every registry answer, and let us in? */
export class UpstreamsCheck implements Check {
  readonly name = 'upstream';
  readonly #survey: UpstreamSurvey;

  constructor(survey: UpstreamSurvey) {
    this.#survey = survey;
  }

  async run(signal: AbortSignal): Promise<readonly Finding[]> {
    const diagnoses = await this.#survey.diagnoses(signal);
    const [first] = diagnoses.flatMap(({ findings }) => findings);
    if (first === undefined || !diagnoses.every(({ unreachable }) => unreachable)) {
      return diagnoses.flatMap(({ findings }) => findings);
    }
    const others = diagnoses.length - 1;
    return [
      problem(
        `this machine is offline: ${first.message}${others === 0 ? '' : `, and so for ${others} more`}`,
        'what is cached is served; for the rest see to the network, the name server and the proxy (HTTPS_PROXY)',
      ),
    ];
  }
}
