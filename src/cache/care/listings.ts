/** Which images are meant. */
export interface ImagesOptions {
  /**
   * An image as people write it, or a pattern as of a pin: `node` and `node:*` are all tags of it, `node:20` is one,
   * `ghcr.io/*` is a registry. Null or absent: all.
   */
  readonly matching?: string | null;
}

/** A tag, or a manifest without one that belongs to no other, with all that belongs to it. */
export interface ImageListing {
  /** The canonical name with tag or digest: `node:20`, `ghcr.io/owner/app:1`, `node@sha256:…`; `remove` takes it. */
  readonly image: string;
  /** The canonical name alone. */
  readonly repository: string;
  readonly upstream: string;
  readonly tag: string | null;
  readonly digest: string;
  readonly mediaType: string;
  /** Held bytes of its blobs; what other images share is counted for each. */
  readonly bytes: number;
  /** Held manifests: itself, platforms, signatures. */
  readonly manifests: number;
  readonly lastUsedAt: number;
  readonly createdAt: number;
  /** Whether every blob of every held manifest is held. */
  readonly complete: boolean;
  /** The pattern that exempts it from eviction. */
  readonly pinnedBy: string | null;
}

/** What a repository takes up; `repository` null is the total over all. */
export interface UsageListing {
  readonly repository: string | null;
  readonly upstream: string | null;
  readonly tags: number;
  readonly manifests: number;
  /** Held bytes that its manifests name. */
  readonly bytes: number;
  /** Of these, what no other repository names: so much goes with it. In the total: what one repository alone names. */
  readonly uniqueBytes: number;
  /** Of these, what other repositories name too. In the total each byte counts once. */
  readonly sharedBytes: number;
}

export interface RemovalReport {
  /** The canonical name with tag or digest. */
  readonly image: string;
  readonly digest: string;
  /** Names of the tags that are gone. */
  readonly tags: readonly string[];
  /** How many manifests are gone. */
  readonly manifests: number;
  readonly blobs: number;
  /** Bytes that are free now. */
  readonly bytes: number;
}

/** At least one of `toBytes` and `unusedMs` is given. */
export interface PruneOptions {
  /** Images go until so much is held at most. */
  readonly toBytes: number | null;
  /** Images go that were not used for so long. */
  readonly unusedMs: number | null;
  /** Says what would go, and changes nothing. */
  readonly dryRun: boolean;
}

/** An image that has gone, or would go; or a blob that no image needs. */
export interface PrunedImage {
  /** The canonical name with its first tag, or with its digest. Null for a blob. */
  readonly image: string | null;
  readonly digest: string;
  /** All tags that went with it. */
  readonly tags: readonly string[];
  /** Bytes freed. */
  readonly bytes: number;
  readonly lastUsedAt: number;
}

export interface PinListing {
  readonly pattern: string;
  /** One of the configuration is changed there. */
  readonly source: 'configuration' | 'command';
  /** Null for one of the configuration. */
  readonly createdAt: number | null;
}
