import { errnoOf } from '../../store/file-error.ts';
import { problem, type Check, type Finding } from './check.ts';

export interface NamedFinding extends Finding {
  /** The check's name. */
  readonly check: string;
}

/** How long a check that was told to end may go on, in milliseconds. */
const graceMs = 1_000;

/**
 * Runs all checks in parallel; findings are in the order of the checks. One that hangs or throws is a
 * finding.
 * @param limitMs for each
 */
export async function examine(checks: readonly Check[], limitMs: number): Promise<readonly NamedFinding[]> {
  const findings = await Promise.all(
    checks.map(async (check) => {
      const found = await runWithin(check, limitMs);
      return found.map((finding) => ({ check: check.name, ...finding }));
    }),
  );
  return findings.flat();
}

async function runWithin(check: Check, limitMs: number): Promise<readonly Finding[]> {
  const { promise: overdue, resolve } = Promise.withResolvers<readonly Finding[]>();
  const timer = setTimeout(
    () => resolve([problem(`no result within ${(limitMs + graceMs) / 1000} s`)]),
    limitMs + graceMs,
  );
  try {
    return await Promise.race([check.run(AbortSignal.timeout(limitMs)), overdue]);
  } catch (error) {
    return [
      problem(
        `could not be checked (${errnoOf(error) ?? (error instanceof Error ? error.name : 'unknown')})`,
      ),
    ];
  } finally {
    clearTimeout(timer);
  }
}
