import { accountKey, readAccount } from './account.ts';
import { readAuthorities } from './authorities.ts';
import type { UpstreamConfig } from './config.ts';
import type { LoadContext } from './load-context.ts';
import type { FileValues } from './schema.ts';
import type { GivenUpstream } from './upstream-schema.ts';

/** Another mirror, and how it is asked. */
type ParentMirror = Pick<UpstreamConfig, 'urls' | 'credentials' | 'ca' | 'insecure'>;

const path = ['proxy', 'mirror'];

/** `proxy.mirror`: the mirror that upstreams are asked through; undefined for none. */
export function readParentMirror(proxy: FileValues['proxy'], context: LoadContext): ParentMirror | undefined {
  const { mirror, remoteurl } = proxy;
  if (mirror === undefined) return undefined;
  if (remoteurl !== undefined) {
    context.problems.add(
      path,
      'proxy.remoteurl is set too, which says where to ask; keep one of them, and name registries under upstreams',
    );
  }
  const account = accountKey(proxy);
  if (account !== undefined) {
    context.problems.add(
      ['proxy', account],
      `is the account at proxy.remoteurl; put that of the mirror into proxy.mirror, as { url: ${mirror.url.url.origin}, ${account}: … }`,
    );
  }
  return {
    urls: [mirror.url.url],
    credentials: readAccount(mirror, path, context),
    ca: readAuthorities(mirror.ca, [...path, 'ca'], context),
    insecure: mirror.insecure,
  };
}

/** Whether an upstream is asked where the configuration says, with its own account, and not through a mirror. */
export function isAskedItself(given: GivenUpstream): boolean {
  return given.url !== undefined || accountKey(given) !== undefined;
}
