import type { ListenAddress } from './server.ts';

/** One of the addresses cannot be listened on. `cause` is the system's error. */
export class ListenError extends Error {
  override readonly name = 'ListenError';
  /** The system's, such as EADDRINUSE. */
  readonly code: string;
  readonly addr: ListenAddress;
  /** The key of the configuration that names the address. */
  readonly key: string;

  constructor(addr: ListenAddress, key: string, cause: NodeJS.ErrnoException) {
    super(cause.message, { cause });
    this.code = cause.code ?? 'unknown';
    this.addr = addr;
    this.key = key;
  }
}
