import type { Digest } from '../../oci/digest.ts';
import type { Repository } from '../../oci/reference.ts';
import type { Outlook } from '../../upstream/failure-policy.ts';
import type { BlobOpener } from '../../upstream/registry.ts';

/** What a fill is begun with, or is offered as another way to the same bytes. */
export interface FillRequest {
  readonly digest: Digest;
  /** The repository through which it is asked for. */
  readonly repository: Repository;
  readonly open: BlobOpener;
  /** In bytes, where a manifest states it: for plans only. */
  readonly hint: number | undefined;
  /** How it stands with the upstream. */
  readonly outlook: () => Outlook;
  /** Told the size, in bytes, of the blob once it is in the store. */
  readonly onCommitted: (size: number) => Promise<void>;
}
