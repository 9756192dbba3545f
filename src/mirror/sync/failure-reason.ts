import { CareError } from '../../cache/care/care-error.ts';
import { ManifestSyntaxError } from '../../oci/manifest.ts';
import { StoreError } from '../../store/store-error.ts';
import { failureClass } from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import { failureReason as reasonOfFetch } from '../warm/failure-reason.ts';

/** One line on why something could not be had; undefined for an unexpected error. */
export function failureReason(error: unknown): string | undefined {
  if (error instanceof CareError || error instanceof ManifestSyntaxError) return error.message;
  return reasonOfFetch(error);
}

/** Whether the source cannot be reached at all: no other image can be had either. */
export function isGone(error: unknown): boolean {
  return error instanceof UpstreamError && ['timeout', 'unreachable', 'tls'].includes(failureClass(error));
}

/** Whether the cache can take nothing more. */
export function isFull(error: unknown): boolean {
  return error instanceof StoreError && (error.code === 'NO_SPACE' || error.code === 'NOT_WRITABLE');
}
