import type { ConfigTree } from './tree.ts';
import type { ProblemList } from './problem-list.ts';

/**
 * Keys of registry:2 (and of distribution 3) that mean nothing to a mirror. Ignoring them changes neither
 * what is served nor to whom.
 * @see https://distribution.github.io/distribution/about/configuration/
 */
const ignoredKeys: readonly string[] = [
  'auth.token.autoredirectpath',
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
  'validation',
];

const storageDrivers = ['azure', 'cos', 'gcs', 'inmemory', 'oss', 's3', 's3aws', 'swift'];

const driverReason =
  'Entrepot keeps what it caches in a folder: use storage.filesystem.rootdirectory (the cache fills itself again)';

const reasonsToRefuse: Readonly<Record<string, string>> = {
  'auth.none': 'anyone may read without it: leave it out',
  'auth.silly': 'it lets everyone in who sends any Authorization header: use htpasswd or token',
  'http.tls.letsencrypt':
    'not supported: refusing to serve without encryption; give http.tls.certificate and http.tls.key',
  'proxy.remotenamespace':
    'not supported: refusing to serve other repositories than asked for; clients can write the namespace themselves',
};

/** Keys with one value that changes nothing here, and why no other is taken. */
const onlyValues: Readonly<Record<string, readonly [harmless: string, reason: string]>> = {
  'auth.token.autoredirect': [
    'false',
    "not supported: a client's own Host header would say where passwords go; give auth.token.realm",
  ],
  'http.net': ['tcp', 'only tcp is supported'],
  'http.prefix': ['/', 'not supported: clients ask a mirror for /v2/ at its root; leave it out'],
  'http.tls.clientauth': [
    'require-and-verify-client-cert',
    'only require-and-verify-client-cert is supported: with http.tls.clientcas every client shows a certificate',
  ],
};

/** Every key of registry:2's that the schema does not have. */
export const registry2Keys: readonly string[] = [
  ...ignoredKeys,
  ...Object.keys(reasonsToRefuse),
  ...storageDrivers.map((driver) => `storage.${driver}`),
  ...Object.keys(onlyValues),
];

/**
 * Removes the keys of registry:2 that are not in the schema. What protects content, or changes what is
 * served, is a problem; the rest is ignored.
 *
 * @returns the keys that were set and are ignored
 */
export function takeRegistry2Keys(tree: ConfigTree, problems: ProblemList): readonly string[] {
  takeStorageDrivers(tree, problems);
  for (const [key, reason] of Object.entries(reasonsToRefuse)) {
    // The mere presence of a way to log in chooses it.
    const taken = tree.take(key.split('.'));
    if (taken !== undefined && (taken.value !== undefined || key.startsWith('auth.'))) {
      problems.add(key.split('.'), reason);
    }
  }
  for (const [key, [harmless, reason]] of Object.entries(onlyValues)) {
    const value = tree.take(key.split('.'))?.value;
    if (value !== undefined && value !== harmless) problems.add(key.split('.'), reason);
  }
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
