import { problem, type Finding } from './check.ts';
import type { Diagnosis } from './registry-examiner.ts';

/** Does every registry answer, and let us in? */
export function checkUpstreams(diagnoses: readonly Diagnosis[]): readonly Finding[] {
  const findings = diagnoses.flatMap((diagnosis) => diagnosis.findings);
  const [first] = findings;
  if (first === undefined || !diagnoses.every(({ unreachable }) => unreachable)) return findings;
  const others = diagnoses.length - 1;
  return [
    problem(
      `no registry can be reached: ${first.message}${others === 0 ? '' : `, and ${others} more`}`,
      'cached images are still served; check the network, the name server and the proxy (HTTPS_PROXY)',
    ),
  ];
}
