import { UpstreamError } from '../registry.ts';

/**
 * The outcome of `promise`, unless the signal aborts first; the work goes on.
 * @throws {UpstreamError} `aborted`
 */
export async function abandonable<T>(promise: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  if (signal === undefined) return promise;
  const { promise: aborted, reject } = Promise.withResolvers<never>();
  const onAbort = (): void => {
    reject(new UpstreamError('aborted', 'the request was given up', { cause: signal.reason }));
  };
  if (signal.aborted) onAbort();
  else signal.addEventListener('abort', onAbort, { once: true });
  try {
    return await Promise.race([promise, aborted]);
  } finally {
    signal.removeEventListener('abort', onAbort);
  }
}
