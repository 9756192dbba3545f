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
import { RegistryExaminer } from './registry-examiner.ts';

/**
 * Where Docker Hub shows what is left of the pulls; HEAD spends none.
 * @see https://docs.docker.com/docker-hub/usage/pulls/#view-pull-rate-and-limit
 */
const rateLimitImage = { repository: 'ratelimitpreview/test' as RepositoryName, tag: 'latest' as Tag };

export interface Examiners {
  readonly examiners: readonly RegistryExaminer[];
  close(): Promise<void>;
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
  const authorities = lazyAuthorities(systemStores);
  const made = upstreams.flatMap((upstream) =>
    upstream.urls.map((url) => composeExaminer(upstream, url, { authorities, clock, limitMs })),
  );
  return {
    examiners: made.map(({ examiner }) => examiner),
    async close() {
      await Promise.all(made.map((one) => one.close()));
    },
  };
}

interface ExaminerSettings {
  readonly authorities: () => Promise<Authorities>;
  readonly clock: Clock;
  readonly limitMs: number;
}

function composeExaminer(
  { name, credentials: source, ca, insecure, proxy, redirects }: UpstreamConfig,
  url: URL,
  { authorities, clock, limitMs }: ExaminerSettings,
): { readonly examiner: RegistryExaminer; close(): Promise<void> } {
  // Findings say what went wrong.
  const logger = pino({ level: 'silent' });
  const credentials = source === undefined ? undefined : createCredentialProvider(source, { clock, logger });
  let found: RateLimit | undefined;
  const options: CreateRegistryClientOptions = {
    name,
    urls: [url],
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
  const probe = createRegistryProbe(options);
  const registry = createRegistryClient(options);
  const examiner = new RegistryExaminer({
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
  return {
    examiner,
    async close() {
      await Promise.all([probe, registry].map((open) => open[Symbol.asyncDispose]()));
    },
  };
}
