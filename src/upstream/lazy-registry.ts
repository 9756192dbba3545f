import type { UpstreamName } from '../oci/reference.ts';
import { offlineError, type Connectivity } from './connectivity.ts';
import { UpstreamError, type UpstreamRegistry } from './registry.ts';
import { codeOf } from './transport-error.ts';

/**
 * An upstream whose client is made when it is first asked, and again after a failure to make it. When the
 * mirror goes offline the client is closed, and requests reject as `offline` until it is online again. Once
 * closed, requests reject as `aborted`.
 */
export function lazyRegistry(
  name: UpstreamName,
  make: () => Promise<UpstreamRegistry>,
  connectivity: Pick<Connectivity, 'isOffline' | 'onOffline'>,
): UpstreamRegistry {
  let made: Promise<UpstreamRegistry> | undefined;
  let isClosed = false;
  const tryToMake = async (): Promise<UpstreamRegistry> => {
    try {
      return await make();
    } catch (cause) {
      // Such as running out of file descriptors.
      made = undefined;
      const message = `${name}: its client could not be made (${codeOf(cause)})`;
      throw new UpstreamError('unavailable', message, { cause });
    }
  };
  const close = async (): Promise<void> => {
    const open = await made?.catch(() => undefined);
    await open?.[Symbol.asyncDispose]();
  };
  const ignoreSwitch = connectivity.onOffline(() => {
    void close();
    made = undefined;
  });
  const ask = async <T>(request: (client: UpstreamRegistry) => Promise<T>): Promise<T> => {
    if (connectivity.isOffline) throw offlineError();
    if (made === undefined && isClosed) throw new UpstreamError('aborted', `${name}: the client is closed`);
    try {
      return await request(await (made ??= tryToMake()));
    } catch (error) {
      const isCutOff = connectivity.isOffline && error instanceof UpstreamError && error.kind === 'aborted';
      throw isCutOff ? offlineError() : error;
    }
  };
  return {
    name,
    headManifest: (...request) => ask((client) => client.headManifest(...request)),
    getManifest: (...request) => ask((client) => client.getManifest(...request)),
    headBlob: (...request) => ask((client) => client.headBlob(...request)),
    openBlob: (...request) => ask((client) => client.openBlob(...request)),
    listTags: (...request) => ask((client) => client.listTags(...request)),
    referrers: (...request) => ask((client) => client.referrers(...request)),
    search: (...request) => ask((client) => client.search(...request)),
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      ignoreSwitch();
      await close();
    },
  };
}
