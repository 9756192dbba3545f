import { registryErrors } from '../../oci/error.ts';
import { repositoryKey, type Repository } from '../../oci/reference.ts';
import type { Reader } from './reader.ts';
import type { Routing } from '../../oci/routing.ts';
import type { Gate } from './gate.ts';
import type { Resource } from './resource.ts';
import type { Upstream } from '../upstream.ts';

export interface DeletionGateOptions {
  readonly routing: Routing<Upstream>;
  readonly gate: Gate;
  /** Whether clients can log in to this mirror at all: then those that have not may delete nothing. */
  readonly canLogIn: boolean;
}

/**
 * Who may delete what from the cache: whoever may read it and has logged in here, with a token that grants it if it is by
 * token. Looks at names before anything else, so that refusals reveal nothing of what is cached.
 */
export class DeletionGate {
  readonly #routing: Routing<Upstream>;
  readonly #gate: Gate;
  readonly #canLogIn: boolean;

  constructor({ routing, gate, canLogIn }: DeletionGateOptions) {
    this.#routing = routing;
    this.#gate = gate;
    this.#canLogIn = canLogIn;
  }

  /** Rejects as {@link Gate.admitToCached} does, and with a 401 or 403 for a reader who may delete nothing here. */
  async admitToCached(repository: Repository, reader: Reader, resource: Resource): Promise<void> {
    if (this.#canLogIn) this.#checkLogin(repository, reader);
    // Tokens for deletions grant just that, as registry:2 asks for them; it says that the repository may be seen.
    const { deletable } = reader;
    await this.#gate.admitToCached(repository, { ...reader, repositories: deletable }, resource);
  }

  #checkLogin(repository: Repository, { user, credentials, deletable }: Reader): void {
    const name = this.#routing.canonicalName(repository);
    if (user === undefined && credentials !== undefined) {
      throw registryErrors.denied(
        'credentials for the registry let nobody delete from its mirror: log in with an account of the mirror',
      );
    }
    const granted =
      deletable === undefined || deletable.has(name) || deletable.has(repositoryKey(repository));
    if (user === undefined || !granted) {
      throw registryErrors.loginRequired({ repository: name });
    }
  }
}
