import { Limiter } from '../../base/limiter.ts';
import type { StoreHealth } from '../../cache/space/store-health.ts';
import type { ManifestReference, Repository, UpstreamName } from '../../oci/reference.ts';
import { NotStored } from '../fill/fill-failure.ts';
import type { ManifestRecords } from '../manifests/manifest-records.ts';
import type { ManifestService } from '../manifests/manifest-service.ts';
import type { ManifestAnswer } from '../mirror.ts';
import { isRateLimited } from './failure-reason.ts';

/** Manifests asked for at a time, of all images together. */
const atATime = 6;

export interface ManifestSourceDeps {
  readonly manifests: Pick<ManifestService, 'get'>;
  readonly records: Pick<ManifestRecords, 'canAnswer'>;
  readonly health: Pick<StoreHealth, 'healthy' | 'problems'>;
  /** Ends it: then nothing more is asked for. */
  readonly signal: AbortSignal;
}

/** Manifests as a client would pull them. Once an upstream has said that the limit is reached, it is left alone. */
export class ManifestSource {
  readonly #deps: ManifestSourceDeps;
  readonly #limiter = new Limiter(atATime);
  readonly #limited = new Map<UpstreamName, Error>();

  constructor(deps: ManifestSourceDeps) {
    this.#deps = deps;
  }

  /** Rejects with RegistryError. */
  get(repository: Repository, reference: ManifestReference): Promise<ManifestAnswer> {
    const { manifests, signal } = this.#deps;
    const { upstream } = repository;
    return this.#limiter.run(async () => {
      signal.throwIfAborted();
      const obstacle = this.#obstacle(upstream);
      if (obstacle !== undefined && !(await this.#deps.records.canAnswer(repository, reference)))
        throw obstacle;
      try {
        return await manifests.get(repository, reference, 'GET');
      } catch (error) {
        if (error instanceof Error && isRateLimited(error)) this.#limited.set(upstream, error);
        throw error;
      }
    });
  }

  /** Has a tag point to its manifest, if that is cached. Spends no pull. Rejects with RegistryError. */
  async sight(repository: Repository, reference: ManifestReference): Promise<ManifestAnswer> {
    return this.#limiter.run(() => this.#deps.manifests.get(repository, reference, 'HEAD'));
  }

  /** Why what is not cached is not asked for: it may count as a pull, and would be in vain. */
  #obstacle(upstream: UpstreamName): Error | undefined {
    const { health } = this.#deps;
    return health.healthy ? this.#limited.get(upstream) : new NotStored(health.problems.join('; '));
  }
}
