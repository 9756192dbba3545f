import { RegistryError } from '../../oci/error.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Logger } from '../../telemetry/log.ts';
import { isConclusive } from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import { NotStored } from './not-stored.ts';

/** Says in the log why a fill failed, where that is news. */
export function logFailure(logger: Logger, error: unknown): void {
  // The degradation logs failures of a store; a shutdown is not a failure.
  if (error instanceof NotStored) {
    logger.debug({ reason: error.message }, 'the blob passes through without being stored');
    return;
  }
  if (error instanceof StoreError || (error instanceof UpstreamError && error.kind === 'aborted')) return;
  const expected = error instanceof UpstreamError || error instanceof RegistryError;
  // That upstream does not have the blob, or refuses it, is in the access log. Any client can cause it.
  const level = isConclusive(error) ? 'debug' : 'error';
  logger[level](expected ? { reason: error.message } : { err: error }, 'the blob could not be fetched whole');
}
