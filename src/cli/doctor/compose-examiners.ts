import { pino } from 'pino';
import type { Clock } from '../../base/clock.ts';
import { lazyAuthorities } from '../../assembly/upstreams.ts';
import type { Config, UpstreamConfig } from '../../config/config.ts';
import type { RepositoryName, Tag } from '../../oci/reference.ts';
import {
  createRegistryClient,
  createRegistryProbe,
  type CreateRegistryClientOptions,
} from '../../upstream/create-registry-client.ts';
import type { Authorities } from '../../upstream/authorities.ts';
import { createCredentialProvider } from '../../upstream/credentials/create-credential-provider.ts';
import type { RateLimit } from '../../upstream/rate-limit.ts';
import { version } from '../../base/version.ts';
import { RegistryExaminer, type Diagnosis } from './registry-examiner.ts';

/**
 * Where Docker Hub shows what is left of the pulls; HEAD spends none.
 * @see https://docs.docker.com/docker-hub/usage/pulls/#view-pull-rate-and-limit
 */
const rateLimitImage = { repository: 'ratelimitpreview/test' as RepositoryName, tag: 'latest' as Tag };

interface Examiners extends AsyncDisposable {
  /** Looks at all registries side by side. */
  examine(signal: AbortSignal): Promise<readonly Diagnosis[]>;
}

/**
 * One for each URL of each upstream, so that a registry which others stand in for is looked at, too.
 * @param limitMs for one request
 */
export function composeExaminers(
  { upstreams, systemStores }: Config,
  clock: Clock,
  limitMs: number,
): Examiners {
  const closing = new AsyncDisposableStack();
  const settings = { authorities: lazyAuthorities(systemStores), clock, limitMs, closing };
  const examiners = upstreams.flatMap((upstream) =>
    upstream.urls.map((url) => composeExaminer(upstream, url, settings)),
  );
  return {
    examine: (signal) => Promise.all(examiners.map((examiner) => examiner.examine(signal))),
    [Symbol.asyncDispose]: () => closing.disposeAsync(),
  };
}

interface ExaminerSettings {
  readonly authorities: () => Promise<Authorities>;
  readonly clock: Clock;
  readonly limitMs: number;
  /** Closes what examiners hold. */
  readonly closing: AsyncDisposableStack;
}

function composeExaminer(
  { name, throughMirror, credentials: source, ca, insecure, proxy, redirects }: UpstreamConfig,
  url: URL,
  { authorities, clock, limitMs, closing }: ExaminerSettings,
): RegistryExaminer {
  // Findings say what went wrong.
  const logger = pino({ level: 'silent' });
  const credentials = source === undefined ? undefined : createCredentialProvider(source, { clock, logger });
  let found: RateLimit | undefined;
  const options: CreateRegistryClientOptions = {
    name,
    urls: [url],
    throughMirror,
    credentials,
    authorities,
    ca,
    insecure,
    proxy,
    redirects,
    timeouts: { connectMs: limitMs, headerMs: limitMs, idleMs: limitMs },
    userAgent: `entrepot/${version}`,
    clock,
    logger,
    random: Math.random,
    onRateLimit: (rateLimit) => void (found = rateLimit),
  };
  const probe = closing.use(createRegistryProbe(options));
  const registry = closing.use(createRegistryClient(options));
  return new RegistryExaminer({
    upstream: name,
    probe,
    credentials,
    rateLimit: async (signal) => {
      const { repository, tag } = rateLimitImage;
      await registry.headManifest(repository, { tag }, { signal });
      return found;
    },
    clock,
  });
}
