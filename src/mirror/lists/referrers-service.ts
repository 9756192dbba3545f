import { isWithin, type Clock } from '../../base/clock.ts';
import type { Digest } from '../../oci/digest.ts';
import { RegistryError, registryErrors } from '../../oci/error.ts';
import type { ReferrerDescriptor } from '../../oci/manifest.ts';
import { referrersTag } from '../../oci/referrers.ts';
import { digestKey, type Repository, type UpstreamName } from '../../oci/reference.ts';
import type { MetadataStore } from '../../store/metadata-store.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import type { Degradation } from '../../cache/degradation.ts';
import { heldReferrers, merged, readIndex } from './held-referrers.ts';
import { UpstreamLists, type UpstreamList } from './upstream-lists.ts';
import type { ManifestRecords } from '../manifests/manifest-records.ts';
import type { ManifestService } from '../manifests/manifest-service.ts';
import type { ReferrersAnswer } from '../mirror.ts';
import type { Routing } from '../../oci/routing.ts';
import { clientError, isNotFound } from '../../upstream/failure-policy.ts';
import type { Upstream } from '../upstream.ts';

/** Descriptors kept in memory, over all lists. */
const remembered = 100_000;
/** How long an upstream is taken to have no referrers API, in milliseconds. */
const withoutApiMs = 60 * 60 * 1000;

export interface ReferrersServiceOptions {
  readonly routing: Routing<Upstream>;
  readonly manifests: ManifestService;
  readonly records: ManifestRecords;
  readonly metadata: MetadataStore;
  readonly degradation: Degradation;
  readonly clock: Clock;
}

/**
 * What refers to a manifest by its `subject`: what upstream's referrers API lists, or where it has none what the referrers
 * tag points to, together with what is held. Written down, so that the answer outlives upstream and a restart.
 */
export class ReferrersService {
  readonly #routing: Routing<Upstream>;
  readonly #manifests: ManifestService;
  readonly #records: ManifestRecords;
  readonly #metadata: MetadataStore;
  readonly #degradation: Degradation;
  readonly #clock: Clock;
  readonly #lists: UpstreamLists<ReferrerDescriptor>;
  /** For each upstream whether it has the API, as far as it has shown; if it has not, when that was seen. */
  readonly #apis = new Map<UpstreamName, 'has' | { readonly missingAt: number }>();

  constructor({ routing, manifests, records, metadata, degradation, clock }: ReferrersServiceOptions) {
    this.#routing = routing;
    this.#manifests = manifests;
    this.#records = records;
    this.#metadata = metadata;
    this.#degradation = degradation;
    this.#clock = clock;
    this.#lists = new UpstreamLists(clock, remembered);
  }

  /** All referrers of `subject`, each once; none is an empty list. Rejects with RegistryError when nobody can tell. */
  async referrers(repository: Repository, subject: Digest): Promise<Omit<ReferrersAnswer, 'filtered'>> {
    try {
      const { listed = [], ...answer } = await this.#lists.get(digestKey(repository, subject), {
        breaker: this.#routing.upstream(repository.upstream).breaker,
        recorded: () => this.#recorded(repository, subject),
        holds: async () => (await this.#held(repository, subject)).length > 0,
        // A pull of what is cached that asks for its referrers, too, must not fail without upstream.
        emptyWillDo: async () => (await this.#records.manifest(repository, subject)) !== undefined,
        ask: () => this.#ask(repository, subject),
      });
      return { ...answer, descriptors: merged(listed, await this.#held(repository, subject)) };
    } catch (error) {
      if (!(error instanceof UpstreamError)) throw error;
      throw clientError(error, () =>
        registryErrors.nameUnknown(repository.name, undefined, { cause: error }),
      );
    }
  }

  /** Whether anything is known of the referrers of `subject`, be it that there are none. */
  async canAnswer(repository: Repository, subject: Digest): Promise<boolean> {
    const recorded = () => this.#recorded(repository, subject);
    const known = await this.#lists.known(digestKey(repository, subject), { recorded });
    return known !== undefined || (await this.#held(repository, subject)).length > 0;
  }

  async #ask(repository: Repository, subject: Digest): Promise<UpstreamList<ReferrerDescriptor>> {
    const notices: string[] = [];
    const items = await this.#byApi(repository, subject, (text) => void notices.push(text));
    const list =
      items === undefined
        ? await this.#byTag(repository, subject)
        : { items, checkedAt: this.#clock.now(), notices };
    if (list.warning === undefined) await this.#record(repository, subject, list);
    return list;
  }

  /** What upstream's API lists; undefined when it has none. */
  async #byApi(
    repository: Repository,
    subject: Digest,
    onWarning: (text: string) => void,
  ): Promise<readonly ReferrerDescriptor[] | undefined> {
    const { name, registry, breaker } = this.#routing.upstream(repository.upstream);
    const api = this.#apis.get(name);
    if (typeof api === 'object' && isWithin(this.#clock, withoutApiMs, api.missingAt)) return undefined;
    const listed = await breaker.watch(() => registry.referrers(repository.name, subject, { onWarning }));
    if (listed !== undefined) {
      this.#apis.set(name, 'has');
    } else if (api !== 'has' && (await this.#records.manifest(repository, subject)) !== undefined) {
      // Some answer 404 for a repository or subject that they do not have, too: only one that is there tells.
      this.#apis.set(name, { missingAt: this.#clock.now() });
    }
    return listed;
  }

  async #byTag(repository: Repository, subject: Digest): Promise<UpstreamList<ReferrerDescriptor>> {
    const tag = referrersTag(subject);
    try {
      const { bytes, warning, notices } = await this.#manifests.get(repository, { tag }, 'GET');
      const items = bytes === undefined ? [] : readIndex(bytes);
      return { items, checkedAt: this.#clock.now(), warning, notices };
    } catch (error) {
      if (!(error instanceof RegistryError && error.status === 404)) throw error;
      // That there was none when upstream was last asked is said while it cannot be.
      const { cause } = error;
      const warning = isNotFound(cause) ? undefined : error.message;
      return { items: [], checkedAt: this.#clock.now(), warning };
    }
  }

  async #held(repository: Repository, subject: Digest): Promise<readonly ReferrerDescriptor[]> {
    const held = () => heldReferrers(this.#metadata, repository, subject);
    return (await this.#degradation.tolerate(held)) ?? [];
  }

  #recorded(repository: Repository, subject: Digest): Promise<UpstreamList<ReferrerDescriptor> | undefined> {
    return this.#degradation.tolerate(async () => {
      const record = await this.#metadata.referrers(repository, subject);
      return record === undefined ? undefined : { items: record.descriptors, checkedAt: record.checkedAt };
    });
  }

  /** An empty list is stored only for manifests that are held: anybody may ask for any digest. */
  async #record(
    repository: Repository,
    subject: Digest,
    { items, checkedAt }: UpstreamList<ReferrerDescriptor>,
  ): Promise<void> {
    const worth = items.length > 0 || (await this.#records.manifest(repository, subject)) !== undefined;
    if (!worth) return;
    await this.#degradation.tolerate(() =>
      this.#metadata.putReferrers(repository, subject, items, checkedAt),
    );
  }
}
