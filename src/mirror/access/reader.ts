import type { BasicCredentials } from '../../base/basic-auth.ts';

/** Who makes a request, as far as it is known. */
export interface Reader {
  /** The name under which the client is authenticated here; undefined for one that is not. */
  readonly user: string | undefined;
  readonly groups: readonly string[];
  /** Canonical names that a token grants; undefined: no token. Elsewhere the reader is anonymous. */
  readonly repositories: ReadonlySet<string> | undefined;
  /** Canonical names that a token lets its bearer delete from; undefined: not limited by a token. */
  readonly deletable: ReadonlySet<string> | undefined;
  /** Registry credentials of the client, checked upstream (`auth.passthrough`). Never stored or logged. */
  readonly credentials: BasicCredentials | undefined;
}

/** A reader without credentials. */
export const anonymous: Reader = {
  user: undefined,
  groups: [],
  repositories: undefined,
  deletable: undefined,
  credentials: undefined,
};
