import type { Digest } from '../../oci/digest.ts';
import { RegistryError, registryErrors } from '../../oci/error.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import { OtherBytesError } from '../fill/received-prefix.ts';
import { clientError } from '../../upstream/failure-policy.ts';

interface OpenReadsDeps {
  readonly digest: Digest;
  /** Told when bytes that should be there are not, before the error goes to the client. */
  readonly onDamage: (reason: unknown) => Promise<void>;
  /** Called once, when the blob is closed and no read is under way. */
  readonly end: () => Promise<void>;
}

/** The reads of an open blob: maps their failures to RegistryErrors, and closes the blob after the last. */
export class OpenReads {
  readonly #deps: OpenReadsDeps;
  #underWay = 0;
  #closed = false;

  constructor(deps: OpenReadsDeps) {
    this.#deps = deps;
  }

  get closed(): boolean {
    return this.#closed;
  }

  async run<T>(read: () => Promise<T>): Promise<T> {
    if (this.#closed) throw new Error('the blob is closed');
    this.#underWay += 1;
    try {
      return await read();
    } catch (error) {
      throw await this.#clientError(error);
    } finally {
      this.#underWay -= 1;
      if (this.#closed && this.#underWay === 0) await this.#deps.end();
    }
  }

  /** Takes no more reads. `cancel` lets those go that wait. */
  async close(cancel: () => void): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    cancel();
    if (this.#underWay === 0) await this.#deps.end();
  }

  async #clientError(error: unknown): Promise<Error> {
    if (error instanceof RegistryError) return error;
    if (error instanceof UpstreamError) {
      return clientError(error, () => registryErrors.blobUnknown(this.#deps.digest, { cause: error }));
    }
    if (error instanceof OtherBytesError) return registryErrors.badGateway(error.message, { cause: error });
    if (!this.#closed) await this.#deps.onDamage(error);
    return registryErrors.internal({ cause: error });
  }
}
