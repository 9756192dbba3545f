import type { Clock } from '../clock.ts';
import type { UpstreamName } from '../oci/reference.ts';
import type { Logger } from '../telemetry/log.ts';
import { AuthorizedSender } from './auth/authorized-sender.ts';
import { Authorizer } from './auth/authorizer.ts';
import type { CredentialProvider } from './auth/credentials.ts';
import { TokenCache } from './auth/token-cache.ts';
import { TokenClient } from './auth/token.ts';
import { DockerSearch } from './docker-search.ts';
import type { ProxySettings } from './proxy-settings.ts';
import type { RateLimitObserver } from './rate-limit.ts';
import { RedirectFollower } from './redirect.ts';
import type { UpstreamRegistry } from './registry.ts';
import { RegistryClient } from './registry-client.ts';
import { RetryingSender, type RetryPolicy } from './retry.ts';
import { Transport, type Timeouts } from './transport.ts';

export interface CreateRegistryClientOptions {
  readonly name: UpstreamName;
  /** Where the registry answers: `https://registry-1.docker.io` for `docker.io`. Several are tried in order. */
  readonly urls: readonly [URL, ...URL[]];
  /** None for an anonymous upstream. */
  readonly credentials?: CredentialProvider | undefined;
  readonly timeouts: Timeouts;
  readonly retry?: RetryPolicy | undefined;
  /** A certificate authority in PEM form, trusted besides the usual ones. */
  readonly ca?: string | undefined;
  /** Certificates of the upstream are not checked. */
  readonly insecure?: boolean | undefined;
  readonly proxy?: ProxySettings | undefined;
  /** Hosts to which the upstream may redirect although they are in a private network. */
  readonly redirects?: readonly string[] | undefined;
  /** `entrepot/1.2.3` */
  readonly userAgent?: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
  /** In [0, 1), for jitter. */
  readonly random: () => number;
  readonly onRateLimit?: RateLimitObserver | undefined;
}

/** Puts a {@link RegistryClient} together: transport, redirects, retries, authorization, from the inside out. */
export function createRegistryClient(options: CreateRegistryClientOptions): UpstreamRegistry {
  const { name, urls, timeouts, clock, random } = options;
  const url = urls[0];
  const logger = options.logger.child({ upstream: name });
  const transport = new Transport({
    timeouts,
    ca: options.ca,
    userAgent: options.userAgent ?? 'entrepot',
    logger,
  });
  const retry = { clock, random, policy: options.retry };
  const redirects = new RedirectFollower(transport);
  // Tokens are asked for without following redirects: a realm was judged by its own host.
  const tokenClient = new TokenClient(new RetryingSender(transport, retry), clock, timeouts.idleMs);
  const authorizer = new Authorizer({
    upstream: url,
    credentials: options.credentials,
    tokens: new TokenCache(clock, logger),
    tokenClient,
  });
  const metadata = new RetryingSender(redirects, retry);
  return new RegistryClient({
    name,
    url,
    metadata: new AuthorizedSender(metadata, authorizer, clock),
    blobs: new AuthorizedSender(redirects, authorizer, clock),
    search: new DockerSearch({ url, sender: metadata, clock, bodyTimeoutMs: timeouts.idleMs }),
    clock,
    bodyTimeoutMs: timeouts.idleMs,
    onRateLimit: options.onRateLimit,
    close: () => transport.close(),
  });
}
