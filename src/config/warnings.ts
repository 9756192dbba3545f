import { addressKind } from '../upstream/address-kind.ts';
import { hasAccounts } from './access.ts';
import type { Config, UpstreamConfig } from './config.ts';
import { stopsAtPing } from './public-address.ts';
import type { ConfigTree } from './tree.ts';

interface WarningSources {
  readonly config: Config;
  readonly tree: ConfigTree;
  /** Keys of registry:2's that were set and are ignored. */
  readonly ignored: readonly string[];
  /** Variables that begin like ours and name no key. */
  readonly foreign: readonly string[];
  /** There is a file, and it names no upstream. */
  readonly usual: boolean;
}

/** Warnings about settings that are valid and may still not be what the operator wants, one line each. */
export function* warningsOf({ config, tree, ignored, foreign, usual }: WarningSources): Generator<string> {
  if (ignored.length > 0) {
    yield `these keys of registry:2's mean nothing to a mirror and are ignored: ${ignored.join(', ')}`;
  }
  if (foreign.length > 0) {
    yield `these environment variables name no key and are ignored: ${foreign.join(', ')}`;
  }
  if (usual) {
    yield 'neither proxy.remoteurl nor upstreams: Entrepot is always a mirror, here of Docker Hub and the well-known public registries';
  }
  // One for the mirror that several are asked through.
  yield* new Set(config.upstreams.flatMap((upstream) => [...warningsOfUpstream(upstream)]));
  yield* warningsOfAccess(config, tree);
}

function* warningsOfUpstream(upstream: UpstreamConfig): Generator<string> {
  const { urls, credentials, insecure, throughMirror } = upstream;
  const name = throughMirror ? 'proxy.mirror' : upstream.name;
  if (credentials === undefined) return;
  if (urls.some(({ protocol, hostname }) => protocol === 'http:' && !isThisMachine(hostname))) {
    yield `the credentials for ${name} go over the network unencrypted: its url is http://`;
  } else if (insecure) {
    yield `the credentials for ${name} go to whoever answers in its place: insecure: true checks no certificate`;
  }
}

/** Whether what goes to a host, as URLs have it, or to one of `http.addr` stays on this machine. */
function isThisMachine(host: string | undefined): boolean {
  if (host === undefined) return false;
  return host === 'localhost' || addressKind(host.replace(/^\[|\]$/g, '')) === 'loopback';
}

function* warningsOfAccess({ auth, access, upstreams, http }: Config, tree: ConfigTree): Generator<string> {
  const isLogin = hasAccounts(auth);
  const isClosed = access.anonymous === 'deny';
  const withAccount = upstreams
    .filter(({ credentials }) => credentials !== undefined)
    .map(({ name }) => name);
  if (isLogin && tree.get(['access', 'anonymous']) === undefined) {
    yield 'everyone has to log in, as with registry:2, also for public images, which earlier versions served to all: write access.anonymous: deny to keep it so, or allow, with http.public.addr, to serve them again';
  }
  if (isClosed && access.rules.some(({ allow }) => allow.includes('anonymous'))) {
    yield 'anonymous in access.rules changes nothing: everyone has to log in, since access.anonymous is not allow';
  }
  if (isClosed && auth.passthrough) {
    yield 'auth.passthrough changes nothing: everyone has to log in to the mirror itself, since access.anonymous is not allow';
  }
  if (!isLogin && auth.passthrough && withAccount.length > 0 && http.publicAddr === undefined) {
    yield `dockerd without a login gets nothing, not even what is public: ${stopsAtPing}; http.public.addr is an address for it`;
  }
  const listening = [http.addr, ...upstreams.flatMap(({ listen }) => listen ?? [])];
  const isReachable = !listening.every(({ host }) => isThisMachine(host));
  if (auth.htpasswd !== undefined && http.tls === undefined && isReachable) {
    yield 'passwords of clients go over the network unencrypted: give http.tls, or let a proxy in front speak TLS';
  }
  if (auth.token?.realm.protocol === 'http:') {
    yield 'passwords of clients go to the token service unencrypted: auth.token.realm is http://';
  }
  if (auth.passthrough && withAccount.length === 0) {
    yield 'auth.passthrough changes nothing: no upstream has credentials, so that there is nothing private to be had';
  }
  if (auth.passthrough && withAccount.length > 1) {
    yield `clients have one login for this mirror, and auth.passthrough shows it to whichever of ${withAccount.join(', ')} they pull from: a password for one of them gets to the others`;
  }
  const hidden = !isLogin && !auth.passthrough && tree.get(['access', 'private']) === undefined;
  if (hidden && withAccount.length > 0) {
    yield `private images of ${withAccount.join(', ')} are served to nobody, since nobody can log in: give auth.htpasswd, or access.private: allow for everyone who reaches this mirror`;
  }
}
