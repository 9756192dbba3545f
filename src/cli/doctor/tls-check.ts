import { createPrivateKey, X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createSecureContext } from 'node:tls';
import type { Clock } from '../../base/clock.ts';
import type { TlsFiles } from '../../http/tls.ts';
import { machineNames, type SubjectName } from '../setup-tls/subject-name.ts';
import { ok, problem, warning, type Finding } from './check.ts';

const dayMs = 24 * 60 * 60 * 1000;
const soonDays = 21;

const renew = 'renew it (entrepot setup tls does for a certificate that it made), then kill -HUP the mirror';

/**
 * Will clients take the server's certificate?
 * @param names of this machine
 */
export async function checkTls(
  tls: TlsFiles | undefined,
  clock: Clock,
  names: readonly SubjectName[] = machineNames(),
): Promise<readonly Finding[]> {
  if (tls === undefined) return [ok('none: clients use plain HTTP')];
  const { certificate: certificateFile, key: keyFile } = tls;
  const [chain, key] = await Promise.all([readFile(certificateFile, 'utf8'), readFile(keyFile, 'utf8')]);
  let certificate: X509Certificate;
  try {
    certificate = new X509Certificate(chain);
  } catch {
    return [
      problem(`${certificateFile} holds no certificate`, 'it must be PEM, the server’s certificate first'),
    ];
  }
  try {
    if (!certificate.checkPrivateKey(createPrivateKey(key))) {
      return [
        problem(`${keyFile} is not the key of ${certificateFile}`, 'name the two that belong together'),
      ];
    }
    createSecureContext({ cert: chain, key });
  } catch {
    return [problem(`${keyFile} holds no key that can be used`, 'it must be PEM, without a passphrase')];
  }
  return [judgeValidity(certificate, clock.now()), ...judgeCoverage(certificate, names)];
}

function judgeValidity({ validFromDate, validToDate }: X509Certificate, now: number): Finding {
  const day = validToDate.toISOString().slice(0, 10);
  const days = Math.floor((validToDate.getTime() - now) / dayMs);
  if (validFromDate.getTime() > now) {
    return problem(
      `the certificate is not valid before ${validFromDate.toISOString().slice(0, 10)}`,
      'is the clock of this machine right?',
    );
  }
  if (days < 0) return problem(`the certificate has expired on ${day}`, renew);
  return days < soonDays
    ? warning(`the certificate expires on ${day}, in ${days} days`, renew)
    : ok(`the certificate is good until ${day}`);
}

function judgeCoverage(certificate: X509Certificate, machine: readonly SubjectName[]): readonly Finding[] {
  const covers = ({ type, value }: SubjectName): boolean =>
    (type === 'ip' ? certificate.checkIP(value) : certificate.checkHost(value)) !== undefined;
  const reachable = machine.filter(({ value }) => !isLocal(value));
  if (reachable.length === 0 || reachable.some(covers)) return [];
  const names = certificate.subjectAltName ?? 'no name';
  return [
    warning(
      `the certificate is for ${names}, none of which is this machine (${reachable.map(({ value }) => value).join(', ')})`,
      'fine if clients use one of its names, as behind a load balancer; else issue one for the name that they use',
    ),
  ];
}

function isLocal(name: string): boolean {
  return name === 'localhost' || name === '::1' || name.startsWith('127.');
}
