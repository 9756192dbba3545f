import type { Repository, RepositoryName } from '../../oci/reference.ts';
import type { UpstreamRegistry } from '../../upstream/registry.ts';

/** Where the images of a repository are asked for. */
export interface SourceRepository {
  readonly registry: UpstreamRegistry;
  readonly name: RepositoryName;
}

/** The registry that images are taken from, under whatever names it has them. */
export interface SyncSource {
  /** Its host, for people. */
  readonly host: string;
  /** Undefined where it cannot be asked for that repository. */
  at(repository: Repository): SourceRepository | undefined;
}
