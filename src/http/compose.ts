import type { AddressInfo } from 'node:net';
import type { Hono } from 'hono';
import type { Clock } from '../base/clock.ts';
import type { Mirror } from '../mirror/mirror.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Logger } from '../telemetry/log.ts';
import { createHttpApp, type Logins } from './app.ts';
import { createAuthentication, type AuthenticationSettings } from './auth/create-authentication.ts';
import { AnswerCache } from './answer-cache/answer-cache.ts';
import { ListenError } from './listen-error.ts';
import { HttpServer, type ListenAddress } from './server.ts';
import { outOfDate, readTls, type TlsFiles, type TlsOptions } from './tls.ts';

export interface HttpSettings {
  readonly addr: ListenAddress;
  /** Beside it, an address without logins: it serves everybody what anonymous readers may have; undefined for none. */
  readonly publicAddr: ListenAddress | undefined;
  /** Listen addresses that are bound to one upstream each. */
  readonly bound: readonly { readonly addr: ListenAddress; readonly upstream: UpstreamName }[];
  /** Host names that are bound to one upstream each. */
  readonly hosts: ReadonlyMap<string, UpstreamName>;
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** For all addresses; undefined for plain HTTP. */
  readonly tls: TlsFiles | undefined;
  readonly draintimeoutMs: number;
  readonly authentication: AuthenticationSettings;
  readonly maxCatalogEntries: number;
  readonly maxTags: number | undefined;
  /** Whether clients may delete from the cache. */
  readonly deletions: boolean;
}

export interface HttpDependencies {
  readonly mirror: Mirror;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface BoundAddress {
  readonly upstream: UpstreamName;
  readonly address: string;
}

export interface RunningHttp {
  /** What it listens on for all upstreams, such as `http://127.0.0.1:5000`. */
  readonly address: string;
  /** The same for what anonymous readers may have, if there is such an address. */
  readonly publicAddress: string | undefined;
  readonly bound: readonly BoundAddress[];
  /** Reads certificates and the password file again; what cannot be used is logged, and what was in use stays. Never rejects. */
  reload(): Promise<void>;
  /** Lets requests under way end within `draintimeoutMs`, then cuts them. */
  close(): Promise<void>;
}

/** An app, and whether clients log in to it. */
interface Listener {
  readonly app: Hono;
  readonly hasLogins: boolean;
}

interface Place {
  /** The key of the configuration that names it. */
  readonly key: string;
  readonly addr: ListenAddress;
  readonly upstream?: UpstreamName;
}

/**
 * Builds the inside of `http/` and listens. Rejects with AuthFileError, TlsError or the error of OpenSSL for
 * certificates that cannot be used, and with ListenError when an address cannot be listened on.
 */
export async function composeHttp(
  settings: HttpSettings,
  dependencies: HttpDependencies,
): Promise<RunningHttp> {
  const { mirror, clock, logger } = dependencies;
  const { addr, publicAddr, bound, hosts, headers, tls: files, draintimeoutMs } = settings;
  const { maxCatalogEntries, maxTags, deletions } = settings;
  const authentication = await createAuthentication(settings.authentication, { clock, logger });
  const { authenticator } = authentication;
  const listening: HttpServer[] = [];
  const close = async (): Promise<void> => {
    await Promise.all(listening.map((server) => server.drain(draintimeoutMs)));
    await authentication[Symbol.asyncDispose]();
  };
  try {
    const appWith = (logins: Logins | undefined): Hono =>
      createHttpApp({
        mirror,
        logger,
        clock,
        headers,
        logins,
        hosts,
        maxCatalogEntries,
        maxTags,
        deletions,
      });
    const main: Listener = {
      app: appWith(authenticator),
      hasLogins: authenticator !== undefined,
    };
    const tls = files === undefined ? undefined : await readTls(files);
    const scheme = tls === undefined ? 'http' : 'https';
    const listen = async (
      { app, hasLogins }: Listener,
      { key, addr: listen, upstream }: Place,
    ): Promise<string> => {
      // Who logs in may be answered differently from one request to the next.
      const answerCache = hasLogins ? undefined : new AnswerCache({ clock, logger });
      const server = new HttpServer({ app, listen, clock, logger, tls, upstream, answerCache });
      const address = await server.listen().catch((cause: NodeJS.ErrnoException) => {
        throw new ListenError(listen, key, cause);
      });
      listening.push(server);
      return origin(scheme, listen.host, address);
    };
    const address = await listen(main, { key: 'http.addr', addr });
    const publicAddress =
      publicAddr === undefined
        ? undefined
        : await listen(
            { app: appWith(authenticator && 'elsewhere'), hasLogins: false },
            { key: 'http.public.addr', addr: publicAddr },
          );
    const boundAddresses: BoundAddress[] = [];
    for (const { addr: own, upstream } of bound) {
      const place = { key: `upstreams.${upstream}.listen`, addr: own, upstream };
      boundAddresses.push({ upstream, address: await listen(main, place) });
    }
    if (tls !== undefined) warnOfDate(tls, dependencies);
    const reload = async (): Promise<void> => {
      await authentication.reload();
      if (files !== undefined) await renewCertificates(files, listening, dependencies);
    };
    return { address, publicAddress, bound: boundAddresses, reload, close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function renewCertificates(
  files: TlsFiles,
  servers: readonly HttpServer[],
  dependencies: HttpDependencies,
): Promise<void> {
  const { logger } = dependencies;
  try {
    const tls = await readTls(files);
    for (const server of servers) server.renewTls(tls);
    logger.info({ certificate: files.certificate }, 'the certificate was read again');
    warnOfDate(tls, dependencies);
  } catch (error) {
    logger.error({ err: error }, 'the new certificate or key cannot be used: the old ones stay in use');
  }
}

/** An expired certificate is used all the same: some clients do not check, and this machine's clock may be wrong. */
function warnOfDate(tls: TlsOptions, { clock, logger }: Pick<HttpDependencies, 'clock' | 'logger'>): void {
  const reason = outOfDate(tls, clock.now());
  if (reason !== undefined) logger.warn({ reason }, 'clients will refuse the certificate');
}

function origin(scheme: string, host: string | undefined, { address, port }: AddressInfo): string {
  const name = host ?? address;
  return `${scheme}://${name.includes(':') ? `[${name}]` : name}:${port}`;
}
