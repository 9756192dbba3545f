import { RegistryError } from '../../oci/error.ts';
import { StoreError } from '../../store/store-error.ts';
import type { Logger } from '../../telemetry/log.ts';
import { isConclusive } from '../../upstream/failure-policy.ts';
import { UpstreamError } from '../../upstream/registry.ts';

/** Why a blob passes through without being stored, though nothing is wrong with it. */
export class NotStored extends Error {
  override readonly name = 'NotStored';
}

/** @throws NotStored for a reason not to store the blob */
export function admit(refusal: string | undefined): void {
  if (refusal !== undefined) throw new NotStored(refusal);
}

/** Logs why a fill failed, where that is news. */
export function logFailure(logger: Logger, error: unknown): void {
  if (error instanceof NotStored) {
    logger.debug({ reason: error.message }, 'the blob passes through without being stored');
    return;
  }
  // The degradation logs failures of a store; a shutdown, or going offline, is not a failure.
  if (error instanceof StoreError || isGivenUp(error)) return;
  const expected = error instanceof UpstreamError || error instanceof RegistryError;
  // The access log has that upstream does not have the blob, or refuses it. Any client can cause it.
  const level = isConclusive(error) ? 'debug' : 'error';
  logger[level](expected ? { reason: error.message } : { err: error }, 'the blob could not be fetched whole');
}

/** Whether a fill ended without anything being wrong with its upstream. */
export function isGivenUp(error: unknown): boolean {
  return error instanceof UpstreamError && (error.kind === 'aborted' || error.kind === 'offline');
}
