import type { Clock } from '../../../base/clock.ts';
import { dockerHub, registryName } from '../../../oci/docker-hub.ts';
import type { UpstreamName } from '../../../oci/reference.ts';
import type { MetadataStore } from '../../../store/metadata-store.ts';
import { StoreError } from '../../../store/store-error.ts';
import type { InUse } from '../../in-use.ts';
import type { Quota, SpaceLimits } from '../../space/limits.ts';
import { CareError } from '../care-error.ts';
import type { ImportEvent, ImportOptions } from '../schemas.ts';
import { Allowance } from './allowance.ts';
import { BlobImport, type AdoptingStore } from './blob-import.ts';
import { ImportJournal } from './import-journal.ts';
import { printable } from './plain-path.ts';
import { RegistryFolder } from './registry-folder.ts';
import { RepositoryImport } from './repository-import.ts';

export interface RegistryImportDeps extends SpaceLimits {
  readonly content: AdoptingStore;
  readonly metadata: MetadataStore;
  readonly inUse: InUse;
  readonly upstreams: readonly UpstreamName[];
  /** The one that plain names mean; undefined: none. */
  readonly plain: UpstreamName | undefined;
  readonly quotas: readonly Quota[];
  readonly clock: Clock;
}

/**
 * Imports what a registry:2 has stored, without an upstream. The registry may be running: its files are read
 * and, where possible, linked, but never changed. Repeated, it imports what is new, or what an interrupted
 * import had not reached.
 */
export class RegistryImport {
  readonly #deps: RegistryImportDeps;

  constructor(deps: RegistryImportDeps) {
    this.#deps = deps;
  }

  /** @throws {CareError} */
  async *run({ folder, upstream }: ImportOptions): AsyncGenerator<ImportEvent, void> {
    const name = this.#upstream(upstream);
    const registry = await RegistryFolder.open(folder);
    try {
      yield* this.#run(registry, name);
    } catch (cause) {
      if (!(cause instanceof StoreError)) throw cause;
      throw new CareError('failed', `${cause.message}; what was taken over so far stays`, { cause });
    }
  }

  async *#run(registry: RegistryFolder, upstream: UpstreamName): AsyncGenerator<ImportEvent, void> {
    const { content, metadata, inUse, clock } = this.#deps;
    const journal = new ImportJournal(clock);
    const allowance = new Allowance({ ...this.#deps, evictions: metadata.evictions });
    const blobs = new BlobImport({ content, metadata, allowance, journal });
    for await (const repository of registry.repositories(journal.skip)) {
      if (upstream === dockerHub && !repository.name.includes('/')) {
        journal.skip(repository.name, 'is no name on Docker Hub, where official images are in library/');
        continue;
      }
      journal.count('repositories');
      yield* new RepositoryImport({
        registry,
        folder: repository,
        repository: { upstream, name: repository.name },
        metadata,
        inUse,
        blobs,
        allowance,
        journal,
      }).run();
    }
    yield* journal.events();
    yield { type: 'report', report: journal.report };
  }

  #upstream(given: string | null): UpstreamName {
    const { upstreams, plain } = this.#deps;
    const names = upstreams.join(', ');
    if (given === null) {
      if (plain !== undefined) return plain;
      throw new CareError('invalid', `plain names mean nothing here: say which upstream it is, of ${names}`);
    }
    const wanted = registryName(given);
    const found = upstreams.find((name) => name === wanted);
    if (found !== undefined) return found;
    throw new CareError('invalid', `${printable(given)} is not mirrored here; one of ${names} is`);
  }
}
