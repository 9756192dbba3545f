import { UpstreamError } from '../../upstream/registry.ts';

const nameServer = 'see that the name is right, and to the name server (/etc/resolv.conf)';
const authority = 'name the authority that signed its certificate in the `ca` of this upstream';

const advice: Readonly<Record<string, string>> = {
  ENOTFOUND: nameServer,
  EAI_AGAIN: nameServer,
  ECONNREFUSED: 'see that its address and port are right, and that it runs',
  ENETUNREACH: 'see to the network of this machine',
  EHOSTUNREACH: 'see to the network of this machine',
  SELF_SIGNED_CERT_IN_CHAIN: authority,
  DEPTH_ZERO_SELF_SIGNED_CERT: authority,
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: authority,
  UNABLE_TO_GET_ISSUER_CERT: authority,
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: authority,
  CERT_HAS_EXPIRED: 'its certificate has expired, or the clock of this machine is wrong',
  CERT_NOT_YET_VALID: 'the clock of this machine is likely to be wrong',
  ERR_TLS_CERT_ALTNAME_INVALID: 'its certificate is for another name: see that its URL is right',
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
  const known = advice[codeBehind(error)];
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
