import { RegistryError } from '../../oci/error.ts';
import { StoreError } from '../../store/store-error.ts';
import { isNotFound, isRefusal } from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import { NotStored } from '../fill/fill-failure.ts';

/** Whether upstream does not have something. */
export function isAbsent(error: unknown): boolean {
  return error instanceof RegistryError && error.status === 404;
}

/** Whether upstream does not have something, or says no more than that it does not give it: Docker Hub does. */
export function mayBeAbsent(error: unknown): boolean {
  return isAbsent(error) || (error instanceof RegistryError && isRefusal(error.cause));
}

/** Whether upstream gives no more for now, whatever it is asked for. */
export function isRateLimited(error: unknown): boolean {
  if (error instanceof RegistryError) return error.status === 429;
  return error instanceof UpstreamError && error.kind === 'rate-limited';
}

/** One line on why something could not be fetched; undefined for an unexpected error. */
export function failureReason(error: unknown): string | undefined {
  if (error instanceof RegistryError) {
    // What upstream itself has said tells more than "manifest unknown".
    const { cause } = error;
    if (isNotFound(cause)) return `upstream does not have it: ${cause.message}`;
    return cause instanceof UpstreamError ? cause.message : error.message;
  }
  if (error instanceof NotStored) return error.message;
  if (error instanceof UpstreamError) return error.message;
  if (error instanceof StoreError)
    return error.code === 'NO_SPACE' ? 'the disk is full' : `it cannot be stored: ${error.message}`;
  return undefined;
}
