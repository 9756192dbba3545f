import type { Finding } from './check.ts';

/** How one registry was found to be. */
export interface Diagnosis {
  /** In the words of a report; the first names the upstream. */
  readonly findings: readonly Finding[];
  /** Whether there was no connection at all: no network, no name server, or no host at the address. */
  readonly unreachable: boolean;
  /** How far the registry's clock is ahead of ours, in milliseconds; undefined when it shows none. */
  readonly skewMs: number | undefined;
}

/** Looks at one registry. Never rejects. */
export interface Examiner {
  /** The upstream's name. */
  readonly upstream: string;
  examine(signal: AbortSignal): Promise<Diagnosis>;
}

/** Looks at all registries, side by side and once, for whichever checks want to know. */
export class UpstreamSurvey {
  readonly #examiners: readonly Examiner[];
  #diagnoses: Promise<readonly Diagnosis[]> | undefined;

  constructor(examiners: readonly Examiner[]) {
    this.#examiners = examiners;
  }

  async diagnoses(signal: AbortSignal): Promise<readonly Diagnosis[]> {
    this.#diagnoses ??= Promise.all(this.#examiners.map((examiner) => examiner.examine(signal)));
    return this.#diagnoses;
  }
}
