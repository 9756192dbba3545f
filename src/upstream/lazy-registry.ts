import type { UpstreamName } from '../oci/reference.ts';
import { UpstreamError, type UpstreamRegistry } from './registry.ts';
import { codeOf } from './transport-error.ts';

/**
 * An upstream whose client is made when it is first asked, and again after a failure to make it. Once closed,
 * requests reject as `aborted`.
 */
export function lazyRegistry(name: UpstreamName, make: () => Promise<UpstreamRegistry>): UpstreamRegistry {
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
  const client = async (): Promise<UpstreamRegistry> => {
    if (made === undefined && isClosed) throw new UpstreamError('aborted', `${name}: the client is closed`);
    return (made ??= tryToMake());
  };
  return {
    name,
    headManifest: async (...request) => (await client()).headManifest(...request),
    getManifest: async (...request) => (await client()).getManifest(...request),
    headBlob: async (...request) => (await client()).headBlob(...request),
    openBlob: async (...request) => (await client()).openBlob(...request),
    listTags: async (...request) => (await client()).listTags(...request),
    referrers: async (...request) => (await client()).referrers(...request),
    search: async (...request) => (await client()).search(...request),
    [Symbol.asyncDispose]: async () => {
      isClosed = true;
      const open = await made?.catch(() => undefined);
      await open?.[Symbol.asyncDispose]();
    },
  };
}
