import type { Digest } from '../../../oci/digest.ts';
import type { Audit, AuditErrors } from '../../audit.ts';
import type { ImageKey } from '../../inventory.ts';
import type { CurrentStore } from './current-store.ts';

/** The audit of the store of the moment. */
export class MendingAudit implements Audit {
  readonly #current: CurrentStore;

  constructor(current: CurrentStore) {
    this.#current = current;
  }

  manifests(after: Digest | undefined, limit: number): Promise<readonly Digest[]> {
    return this.#current.ask(({ audit }) => audit.manifests(after, limit));
  }

  imagesNaming(digest: Digest, limit: number): Promise<readonly ImageKey[]> {
    return this.#current.ask(({ audit }) => audit.imagesNaming(digest, limit));
  }

  errors(): Promise<AuditErrors> {
    return this.#current.ask(({ audit }) => audit.errors());
  }

  recount(): Promise<void> {
    return this.#current.ask(({ audit }) => audit.recount());
  }

  oldestVerification(): Promise<number | undefined> {
    return this.#current.ask(({ audit }) => audit.oldestVerification());
  }

  distrustVerifications(now: number): Promise<boolean> {
    return this.#current.ask(({ audit }) => audit.distrustVerifications(now));
  }
}
