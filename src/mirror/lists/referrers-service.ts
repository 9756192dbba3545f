import { isWithin, type Clock } from '../../base/clock.ts';
import type { Degradation } from '../../cache/degradation.ts';
import type { Digest } from '../../oci/digest.ts';
import { RegistryError } from '../../oci/error.ts';
import type { ReferrerDescriptor } from '../../oci/manifest.ts';
import { digestKey, type Repository, type UpstreamName } from '../../oci/reference.ts';
import { referrersTag } from '../../oci/referrers.ts';
import type { Routing } from '../../oci/routing.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { isNotFound } from '../../upstream/failure-policy.ts';
import type { ManifestRecords } from '../manifests/manifest-records.ts';
import type { ManifestService } from '../manifests/manifest-service.ts';
import type { ReferrersAnswer } from '../mirror.ts';
import type { Upstream } from '../upstream.ts';
import { cachedReferrers, merged, readIndex } from './cached-referrers.ts';
import { UpstreamLists, type UpstreamList } from './upstream-lists.ts';

/** Descriptors kept in memory, over all lists. */
const maxDescriptors = 100_000;
/** How long an upstream is taken to have no referrers API, in milliseconds. */
const withoutApiMs = 60 * 60 * 1000;

type ReferrerList = UpstreamList<ReferrerDescriptor>;

export interface ReferrersServiceDeps {
  readonly routing: Routing<Upstream>;
  readonly manifests: ManifestService;
  readonly records: ManifestRecords;
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
  readonly clock: Clock;
}

/**
 * What refers to a manifest by its `subject`: what upstream's referrers API lists, or where it has none the
 * referrers tag, together with what is cached. Stored, so that the answer outlives upstream and a restart.
 */
export class ReferrersService {
  readonly #deps: ReferrersServiceDeps;
  readonly #lists: UpstreamLists<ReferrerDescriptor>;
  /** For each upstream whether it has the API, as far as it has shown; if it has not, when that was seen. */
  readonly #apis = new Map<UpstreamName, 'has' | { readonly missingAt: number }>();

  constructor(deps: ReferrersServiceDeps) {
    this.#deps = deps;
    this.#lists = new UpstreamLists(deps.clock, maxDescriptors);
  }

  /** All referrers of `subject`, each once. Rejects with RegistryError when they are not known. */
  async referrers(repository: Repository, subject: Digest): Promise<Omit<ReferrersAnswer, 'filtered'>> {
    const { listed = [], ...answer } = await this.#lists.get(digestKey(repository, subject), {
      repository,
      breaker: this.#deps.routing.upstream(repository.upstream).breaker,
      recorded: () => this.#recorded(repository, subject),
      isPartlyCached: async () => (await this.#cached(repository, subject)).length > 0,
      // A pull of what is cached that asks for its referrers, too, must not fail without upstream.
      emptyWillDo: () => this.#isCached(repository, subject),
      ask: () => this.#ask(repository, subject),
    });
    return { ...answer, descriptors: merged(listed, await this.#cached(repository, subject)) };
  }

  /** Whether anything is known of the referrers of `subject`, be it that there are none. */
  async canAnswer(repository: Repository, subject: Digest): Promise<boolean> {
    const recorded = () => this.#recorded(repository, subject);
    const known = await this.#lists.known(digestKey(repository, subject), recorded);
    return known !== undefined || (await this.#cached(repository, subject)).length > 0;
  }

  async #ask(repository: Repository, subject: Digest): Promise<ReferrerList> {
    const notices: string[] = [];
    const items = await this.#byApi(repository, subject, (text) => void notices.push(text));
    const list =
      items === undefined
        ? await this.#byTag(repository, subject)
        : { items, checkedAt: this.#deps.clock.now(), notices };
    if (list.warning === undefined) await this.#record(repository, subject, list);
    return list;
  }

  /** What upstream's API lists; undefined when it has none. */
  async #byApi(
    repository: Repository,
    subject: Digest,
    onWarning: (text: string) => void,
  ): Promise<readonly ReferrerDescriptor[] | undefined> {
    const { routing, clock } = this.#deps;
    const { name, registry, breaker } = routing.upstream(repository.upstream);
    const api = this.#apis.get(name);
    if (typeof api === 'object' && isWithin(clock, withoutApiMs, api.missingAt)) return undefined;
    const listed = await breaker.watch(() => registry.referrers(repository.name, subject, { onWarning }));
    if (listed !== undefined) {
      this.#apis.set(name, 'has');
    } else if (api !== 'has' && (await this.#isCached(repository, subject))) {
      // Some answer 404 for a repository or subject that they do not have, too: only one that is there tells.
      this.#apis.set(name, { missingAt: clock.now() });
    }
    return listed;
  }

  async #byTag(repository: Repository, subject: Digest): Promise<ReferrerList> {
    const { manifests, clock } = this.#deps;
    const tag = referrersTag(subject);
    try {
      const { bytes, warning, notices } = await manifests.get(repository, { tag }, 'GET');
      const items = bytes === undefined ? [] : readIndex(bytes);
      return { items, checkedAt: clock.now(), warning, notices };
    } catch (error) {
      if (!(error instanceof RegistryError && error.status === 404)) throw error;
      // That there was none when upstream was last asked is said while it cannot be.
      const warning = isNotFound(error.cause) ? undefined : error.message;
      return { items: [], checkedAt: clock.now(), warning };
    }
  }

  async #isCached(repository: Repository, subject: Digest): Promise<boolean> {
    return (await this.#deps.records.manifest(repository, subject)) !== undefined;
  }

  async #cached(repository: Repository, subject: Digest): Promise<readonly ReferrerDescriptor[]> {
    const { metadata, degradation } = this.#deps;
    return (await degradation.tolerate(() => cachedReferrers(metadata, repository, subject))) ?? [];
  }

  async #recorded(repository: Repository, subject: Digest): Promise<ReferrerList | undefined> {
    const { metadata, degradation } = this.#deps;
    const record = await degradation.tolerate(() => metadata.referrers(repository, subject));
    return record && { items: record.descriptors, checkedAt: record.checkedAt };
  }

  /** An empty list is stored only for cached manifests: anybody may ask for any digest. */
  async #record(repository: Repository, subject: Digest, { items, checkedAt }: ReferrerList): Promise<void> {
    const { metadata, degradation } = this.#deps;
    if (items.length === 0 && !(await this.#isCached(repository, subject))) return;
    await degradation.tolerate(() => metadata.putReferrers(repository, subject, items, checkedAt));
  }
}
