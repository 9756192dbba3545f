import { once } from 'node:events';
import { describe, expect, it } from 'vitest';
import type { Check } from '../../../src/cli/doctor/check.ts';
import { checkClock } from '../../../src/cli/doctor/clock-check.ts';
import { examine } from '../../../src/cli/doctor/examination.ts';
import { jsonReport, textReport } from '../../../src/cli/doctor/report.ts';
import type { Diagnosis } from '../../../src/cli/doctor/registry-examiner.ts';
import { checkUpstreams } from '../../../src/cli/doctor/upstreams-check.ts';

describe('the survey of the registries', () => {
  const survey = (...diagnoses: readonly Partial<Diagnosis>[]): readonly Diagnosis[] =>
    diagnoses.map((diagnosis, index) => ({
      findings: [{ level: 'problem', message: `registry${index} is away` }],
      unreachable: false,
      skewMs: undefined,
      ...diagnosis,
    }));

  it('sums up that no registry can be reached', () => {
    const none = { unreachable: true };

    expect(checkUpstreams(survey(none, none, none))).toMatchObject([
      { level: 'problem', message: 'no registry can be reached: registry0 is away, and 2 more' },
    ]);
  });

  it('tells of each registry when one can be reached', () => {
    const findings = checkUpstreams(survey({ unreachable: true }, {}));

    expect(findings.map(({ message }) => message)).toEqual(['registry0 is away', 'registry1 is away']);
  });

  it.each([
    [[0, 59_000], 'ok', 'agrees with the registries'],
    [[61_000], 'problem', '61 s behind the registries'],
    [[-3_600_000, -3_600_000], 'problem', '3600 s ahead of the registries'],
    [[0, 900_000, 1000], 'ok', 'agrees with the registries'],
    [[], 'ok', 'no registry to compare it with'],
  ])('compares the clock with skews of %j', (skews, level, message) => {
    const findings = checkClock(survey(...skews.map((skewMs) => ({ skewMs }))));

    expect(findings).toMatchObject([{ level, message }]);
  });
});

describe('the examination', () => {
  const named = (name: string, run: Check['run']): Check => ({ name, run });
  const good = named('good', () => Promise.resolve([{ level: 'ok', message: 'fine' }]));

  it('reports a check that hangs, and all others', async () => {
    const hangs = named('hangs', () => new Promise(() => undefined));

    expect(await examine([hangs, good], 1)).toMatchObject([
      { check: 'hangs', level: 'problem', message: 'no result within 1.001 s' },
      { check: 'good', level: 'ok' },
    ]);
  });

  it('reports a check that breaks, without its message, which may hold anything', async () => {
    const breaks = named('breaks', () => Promise.reject(new TypeError('the password is geheim')));

    expect(await examine([breaks, good], 1000)).toMatchObject([
      { check: 'breaks', level: 'problem', message: 'could not be checked (TypeError)' },
      { check: 'good' },
    ]);
  });

  it('tells checks when their time is over', async () => {
    const waits = named('waits', async (signal) => {
      await once(signal, 'abort');
      return [{ level: 'warning', message: 'gave up' }];
    });

    expect(await examine([waits], 1)).toEqual([{ check: 'waits', level: 'warning', message: 'gave up' }]);
  });
});

describe('the report', () => {
  const findings = [
    { check: 'port', level: 'ok', message: 'free' },
    { check: 'upstream', level: 'warning', message: 'slow', advice: 'wait' },
  ] as const;

  it('has a line for each finding, and one with what to do', () => {
    expect(textReport(findings, false)).toBe(
      'ok       port      free\nwarning  upstream  slow\n                   wait\nno problems, 1 warning\n',
    );
  });

  it('has colours on a terminal only', () => {
    expect(textReport(findings, true)).toContain('\u001B[33mwarning\u001B[39m');
    expect(textReport(findings, false)).not.toContain('\u001B');
  });

  it('is one JSON document for machines', () => {
    expect(JSON.parse(jsonReport(findings))).toEqual({ verdict: 'warning', findings });
  });
});
