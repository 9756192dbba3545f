import type { UpstreamName } from '../oci/reference.ts';
import type { ListenAddress } from './server.ts';

/** One of the addresses cannot be listened on. `cause` is the system's error. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  /** The system's, such as EADDRINUSE. */
  readonly code: string;
  readonly addr: ListenAddress;
  /** The upstream that the address is for; undefined for the one that is for all. */
  readonly upstream: UpstreamName | undefined;

  constructor(addr: ListenAddress, upstream: UpstreamName | undefined, cause: NodeJS.ErrnoException) {
    super(cause.message, { cause });
    this.code = cause.code ?? 'unknown';
    this.addr = addr;
    this.upstream = upstream;
  }
}
