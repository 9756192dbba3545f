export interface ImportOptions {
  /** The root of the registry:2 store, as seen by the process that owns the data folder. */
  readonly folder: string;
  /** The upstream whose content it is; null: the plain one. */
  readonly upstream: string | null;
}

/** `progress` comes at most a few times a second; `report` is the last. */
export type ImportEvent =
  | { readonly type: 'progress'; readonly progress: ImportCounts }
  /** Something that cannot be taken over, and why. */
  | { readonly type: 'skipped'; readonly what: string; readonly reason: string }
  | { readonly type: 'report'; readonly report: ImportReport };

export interface ImportCounts {
  readonly repositories: number;
  readonly tags: number;
  readonly manifests: number;
  /** Blobs verified and taken over so far. */
  readonly blobs: number;
  readonly bytes: number;
}

export interface ImportReport extends ImportCounts {
  /** Of the blobs, those that share their bytes on the disk with the registry's. */
  readonly linked: number;
  /** Those that were held before. */
  readonly held: number;
  readonly skipped: number;
}
