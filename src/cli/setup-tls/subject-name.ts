import { isIP } from 'node:net';
import { hostname, networkInterfaces } from 'node:os';
import { domainToASCII } from 'node:url';

/** One name that a certificate is good for. */
export interface SubjectName {
  readonly type: 'dns' | 'ip';
  /** Lower-cased; an address without brackets. */
  readonly value: string;
}

const label = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?';
/** What domainToASCII is safe with: after `/`, `?` and the like it drops the rest. */
const spelledPattern = /^[\p{L}\p{M}\p{N}._-]+$/u;
const namePattern = new RegExp(`^(?:\\*\\.)?${label}(?:\\.${label})*$`);

/** A host name, also with `*.` in front, or an IP address, also in brackets; undefined for anything else. */
export function parseSubjectName(text: string): SubjectName | undefined {
  const address = /^\[(.*)\]$/.exec(text)?.[1] ?? text;
  // One with a zone (`fe80::1%eth0`) means something on this machine only.
  if (isIP(address) !== 0 && !address.includes('%')) return { type: 'ip', value: address.toLowerCase() };
  const wildcard = text.startsWith('*.') ? '*.' : '';
  const spelled = text.slice(wildcard.length).replace(/\.$/, '');
  if (!spelledPattern.test(spelled)) return undefined;
  const name = wildcard + domainToASCII(spelled).toLowerCase();
  // What looks like an address and is none, such as 10.0.0.256, is a slip and no name.
  const isName = name.length <= 253 && namePattern.test(name) && !/(?:^|\.)\d+$/.test(name);
  return isName ? { type: 'dns', value: name } : undefined;
}

/** Under what other machines, and this one itself, are likely to reach this machine; the name first. */
export function machineNames(
  name: string = hostname(),
  interfaces: ReturnType<typeof networkInterfaces> = networkInterfaces(),
): readonly SubjectName[] {
  const addresses = Object.values(interfaces)
    .flatMap((list) => list ?? [])
    // A link-local address is no use without the name of a link, which certificates cannot hold.
    .filter(({ address, internal }) => !internal && !/^(?:169\.254\.|fe[89ab].:)/i.test(address))
    .map(({ address }) => address);
  const names = [name, 'localhost', ...addresses, '127.0.0.1', '::1'].map(parseSubjectName);
  return uniqueNames(names.filter((found) => found !== undefined));
}

/** Of a name given twice, the first stays. */
export function uniqueNames(names: readonly SubjectName[]): readonly SubjectName[] {
  return [...new Map(names.map((name) => [name.value, name])).values()];
}
