import type { ConfigTree } from './tree.ts';
import type { ProblemList } from './problem-list.ts';

/**
 * Keys of registry:2's (and of distribution 3's) that mean nothing to a mirror, or not yet. Leaving them out changes neither
 * what is served nor to whom.
 * @see https://distribution.github.io/distribution/about/configuration/
 */
const ignoredKeys: readonly string[] = [
  'catalog',
  'compatibility',
  'health',
  'http.debug',
  'http.h2c',
  'http.host',
  'http.http2',
  'http.relativeurls',
  'http.secret',
  'log.accesslog',
  'log.hooks',
  'log.reportcaller',
  'middleware',
  'notifications',
  'policy',
  'proxy.cachewritetimeout',
  'redis',
  'reporting',
  'storage.cache',
  'storage.filesystem.maxthreads',
  'storage.maintenance',
  'storage.redirect',
  'storage.tag',
  'tags',
  'validation',
];

const storageDrivers = ['azure', 'cos', 'gcs', 'inmemory', 'oss', 's3', 's3aws', 'swift'];

const driverReason =
  'Entrepot keeps what it caches in a folder: use storage.filesystem.rootdirectory (the cache fills itself again)';

const reasonsToRefuse: Readonly<Record<string, string>> = {
  auth: 'not supported yet: refusing to serve openly what this section protects; remove it if everyone who reaches this mirror may read all that it caches',
  'http.tls.ciphersuites':
    'not supported: refusing to offer other ciphers than asked for; http.tls.minimumtls: tls1.3 leaves only strong ones',
  'http.tls.letsencrypt':
    'not supported: refusing to serve without encryption; give http.tls.certificate and http.tls.key',
  'proxy.exec':
    'not supported: refusing to pull anonymously instead; give proxy.username and proxy.passwordfile',
};

/** Every key of registry:2's that the schema does not have. */
export const registry2Keys: readonly string[] = [
  ...ignoredKeys,
  ...Object.keys(reasonsToRefuse),
  ...storageDrivers.map((driver) => `storage.${driver}`),
  'http.net',
  'http.prefix',
];

/**
 * Takes away what registry:2 knows and Entrepot does not, so that the schema sees only its own keys. What would open what
 * it protects, or serve something other than was asked for, is a problem; the rest is ignored.
 *
 * @returns the keys that were set and are ignored
 */
export function takeRegistry2Keys(tree: ConfigTree, problems: ProblemList): readonly string[] {
  takeStorageDrivers(tree, problems);
  for (const [key, reason] of Object.entries(reasonsToRefuse)) {
    if (tree.take(key.split('.'))?.value !== undefined) problems.add(key.split('.'), reason);
  }
  takeUnless(tree, problems, ['http', 'net'], 'tcp', 'only tcp is supported');
  takeUnless(
    tree,
    problems,
    ['http', 'prefix'],
    '/',
    'not supported: clients ask a mirror for /v2/ at its root; leave it out',
  );
  return ignoredKeys.filter((key) => tree.take(key.split('.'))?.value !== undefined);
}

/** Drivers are chosen by the mere presence of their key; `storage: inmemory` is the short form. */
function takeStorageDrivers(tree: ConfigTree, problems: ProblemList): void {
  const storage = tree.root['storage'];
  if (typeof storage === 'string') {
    if (storage !== 'filesystem') problems.add(['storage'], driverReason);
    tree.root['storage'] = undefined;
  }
  for (const driver of storageDrivers) {
    if (tree.take(['storage', driver]) !== undefined) problems.add(['storage', driver], driverReason);
  }
}

function takeUnless(
  tree: ConfigTree,
  problems: ProblemList,
  path: readonly string[],
  harmless: string,
  reason: string,
): void {
  const value = tree.take(path)?.value;
  if (value !== undefined && value !== harmless) problems.add(path, reason);
}
