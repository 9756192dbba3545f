import { UpstreamError } from '../../upstream/registry.ts';

const nameServer = 'see that the name is right, and to the name server (/etc/resolv.conf)';
const advice: Readonly<Record<string, string>> = {
  ENOTFOUND: nameServer,
  EAI_AGAIN: nameServer,
  ECONNREFUSED: 'see that its address and port are right, and that it runs',
  ENETUNREACH: 'see to the network of this machine',
  EHOSTUNREACH: 'see to the network of this machine',
};

/** How a server that speaks TLS may end a connection on which it gets plain HTTP. */
const cutCodes: ReadonlySet<string> = new Set(['UND_ERR_SOCKET', 'ECONNRESET']);
const overTls = 'see that the port is right; if it speaks TLS, write its `url` with https://';

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

/** What to do when an upstream cannot be asked; undefined if unknown. */
export function adviceFor(error: UpstreamError, upstream: string, { protocol }: URL): string | undefined {
  const code = codeBehind(error);
  const known = error.advice ?? advice[code];
  if (known !== undefined) return known;
  if (protocol === 'http:' && cutCodes.has(code)) return overTls;
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
