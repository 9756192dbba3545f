import { UpstreamError } from '../../upstream/registry.ts';

const nameServer = 'see that the name is right, and to the name server (/etc/resolv.conf)';
const advice: Readonly<Record<string, string>> = {
  ENOTFOUND: nameServer,
  EAI_AGAIN: nameServer,
  ECONNREFUSED: 'see that its address and port are right, and that it runs',
  ENETUNREACH: 'see to the network of this machine',
  EHOSTUNREACH: 'see to the network of this machine',
};

/** Codes of errors that prevent a connection, as opposed to those that end one. */
const offlineCodes: ReadonlySet<string> = new Set([
  'ENOTFOUND',
  'EAI_AGAIN',
  'ECONNREFUSED',
  'ENETUNREACH',
  'EHOSTUNREACH',
  'EADDRNOTAVAIL',
  'ETIMEDOUT',
]);

/** What to do when an upstream cannot be asked; undefined when nobody knows. */
export function adviceFor(error: UpstreamError, upstream: string): string | undefined {
  const known = error.advice ?? advice[codeBehind(error)];
  if (known !== undefined) return known;
  if (error.kind === 'timeout' || error.kind === 'aborted') {
    return `a firewall may be in between; a proxy is named by HTTPS_PROXY, or by upstreams.${upstream}.proxy`;
  }
  return undefined;
}

/** Whether the network is to blame, not the registry. */
export function isUnreachable(error: unknown): boolean {
  if (!(error instanceof UpstreamError)) return false;
  return error.kind === 'timeout' || error.kind === 'aborted' || offlineCodes.has(codeBehind(error));
}

/** The system's name of the trouble; empty when it has none. */
function codeBehind({ cause }: UpstreamError): string {
  return cause instanceof Error && 'code' in cause && typeof cause.code === 'string' ? cause.code : '';
}
