/** The cache in numbers, at one moment. */
export interface Stats {
  readonly store: StoreStats;
  /** The disk that holds the blobs; null when it cannot be asked. */
  readonly disk: DiskStats | null;
  readonly limits: LimitStats;
  readonly cache: CacheStats;
  readonly scrub: ScrubStats;
  /** Since the server started; null where none runs. */
  readonly server: ServerStats | null;
}

export interface StoreStats {
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  readonly blobs: number;
  /** Of blobs. */
  readonly bytes: number;
  readonly databaseBytes: number;
  /** Blobs that are arriving, or whose download was cut off and will be taken up again. */
  readonly partial: { readonly blobs: number; readonly bytes: number };
  /** Damaged blobs that were put aside. */
  readonly quarantine: { readonly blobs: number; readonly bytes: number };
}

interface DiskStats {
  readonly size: number;
  /** For the user that Entrepot runs as. */
  readonly free: number;
  readonly files: number;
  readonly freeFiles: number;
}

/** What is in force, in bytes; null: none. */
export interface LimitStats {
  readonly maxsize: number | null;
  readonly minfree: number | null;
  readonly quotas: readonly QuotaStats[];
}

interface QuotaStats {
  /** The pattern of repositories that it applies to, each by itself, or the upstream. */
  readonly match: string;
  readonly bytes: number;
}

interface CacheStats {
  /** `failed`: pulls pass through without being stored. */
  readonly state: 'healthy' | 'failed';
  /** What failed, one line a problem. */
  readonly problems: readonly string[];
}

interface ScrubStats {
  /** In which everything is hashed once; null: never. */
  readonly periodMs: number | null;
  /** When the blob was last found intact that waits longest; null when nothing is held. */
  readonly oldestVerifiedAt: number | null;
}

export interface ServerStats {
  readonly startedAt: number;
  readonly uptimeMs: number;
  /** What was fetched before a client asked for it, and how much of that none has asked for since. */
  readonly ahead: { readonly bytes: number; readonly unaskedBytes: number };
  /** By limits, `proxy.ttl` and `prune`. */
  readonly evicted: { readonly images: number; readonly bytes: number };
  readonly scrubbed: { readonly blobs: number; readonly bytes: number };
  /** Blobs that the scrubber found damaged or missing. */
  readonly damaged: number;
}
