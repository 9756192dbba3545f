/** Whether an image's blobs are fetched once its manifest is pulled, before the client asks for them. */
export interface PullAheadPolicy {
  readonly enabled: boolean;
  /** Blobs of one image at a time. */
  readonly parallel: number;
}
