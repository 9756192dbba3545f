import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { AddressInfo } from 'node:net';
import type { Clock } from './clock.ts';
import type { Config, TlsConfig } from './config/config.ts';
import { createHttpApp } from './http/app.ts';
import { HttpServer, type TlsOptions } from './http/server.ts';
import { composeMirror } from './mirror/compose.ts';
import { FilesystemContentStore } from './store/filesystem/content-store.ts';
import { SqliteMetadataStore } from './store/sqlite/metadata-store.ts';
import type { Logger } from './telemetry/log.ts';
import { createRegistryClient } from './upstream/create-registry-client.ts';
import { createCredentialProvider } from './upstream/credentials/create-credential-provider.ts';
import { version } from './version.ts';

export interface EntrepotDependencies {
  readonly logger: Logger;
  readonly clock: Clock;
}

export interface RunningEntrepot {
  /** What it listens on, such as `http://127.0.0.1:5000`. */
  readonly addresses: readonly string[];
  /** Lets requests under way end within `draintimeout`, then closes everything. Partial blobs are kept. */
  close(): Promise<void>;
}

/**
 * Builds Entrepot out of its configuration and starts it. No upstream is asked: it starts without any.
 * Rejects with StoreError when the data folder cannot be used, and with the system's error when the port is taken.
 */
export async function startEntrepot(
  config: Config,
  { logger, clock }: EntrepotDependencies,
): Promise<RunningEntrepot> {
  const closers: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const closer of closers.splice(0).reverse()) await closer();
  };
  try {
    const addresses = await open(config, { logger, clock }, closers);
    return { addresses, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Builds from the inside out, noting how to close each part; what is open last is closed first. */
async function open(
  config: Config,
  { logger, clock }: EntrepotDependencies,
  closers: (() => Promise<void>)[],
): Promise<readonly string[]> {
  const random = Math.random;
  const root = config.storage.rootdirectory;
  const content = await FilesystemContentStore.open(root);
  closers.push(() => content.close());
  const metadata = await SqliteMetadataStore.open(join(root, 'metadata.sqlite'), clock);
  closers.push(() => metadata.close());

  const upstream = config.upstreams.find(({ name }) => name === config.plain) ?? config.upstreams[0];
  const { credentials } = upstream;
  const registry = createRegistryClient({
    name: upstream.name,
    urls: upstream.urls,
    credentials:
      credentials === undefined ? undefined : createCredentialProvider(credentials, { clock, logger }),
    timeouts: config.timeouts,
    userAgent: `entrepot/${version}`,
    clock,
    logger,
    random,
  });
  closers.push(() => registry.close());

  const running = await composeMirror({
    upstreams: [{ registry, anonymous: undefined, as: () => registry, freshness: upstream.freshness }],
    plain: upstream.name,
    access: config.access,
    canLogIn: config.auth.htpasswd !== undefined || config.auth.token !== undefined,
    content,
    metadata,
    ttlMs: config.ttlMs,
    clock,
    logger,
    random,
  });
  closers.push(() => running.close());

  const { addr, headers, tls, draintimeoutMs } = config.http;
  const app = createHttpApp({ mirror: running.mirror, logger, clock, headers });
  const server = new HttpServer({
    app,
    listen: addr,
    clock,
    logger,
    tls: tls === undefined ? undefined : await readTls(tls),
  });
  const address = await server.listen();
  closers.push(() => server.drain(draintimeoutMs));

  return [origin(tls === undefined ? 'http' : 'https', addr.host, address)];
}

async function readTls({ certificate, key, clientcas, minimumtls }: TlsConfig): Promise<TlsOptions> {
  return {
    cert: await readFile(certificate),
    key: await readFile(key),
    clientCas:
      clientcas.length === 0 ? undefined : await Promise.all(clientcas.map((file) => readFile(file))),
    minVersion: minimumtls,
  };
}

function origin(scheme: string, host: string | undefined, { address, port }: AddressInfo): string {
  const name = host ?? address;
  return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
