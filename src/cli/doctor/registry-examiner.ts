import type { Clock } from '../../base/clock.ts';
import { dockerHub } from '../../oci/docker-hub.ts';
import type { UpstreamName } from '../../oci/reference.ts';
import type { CredentialProvider } from '../../upstream/auth/credentials.ts';
import { CredentialError } from '../../upstream/credentials/credential-error.ts';
import type { RateLimit } from '../../upstream/rate-limit.ts';
import type { Ping, RegistryProbe } from '../../upstream/registry-probe.ts';
import { UpstreamError } from '../../upstream/registry.ts';
import { ok, problem, warning, type Finding } from './check.ts';
import { adviceFor, isUnreachable } from './upstream-trouble.ts';

/** What was found out about one registry. */
export interface Diagnosis {
  /** As in a report; the first names the upstream. */
  readonly findings: readonly Finding[];
  /** Whether there was no connection at all: no network, no name server, or no host at the address. */
  readonly unreachable: boolean;
  /** How far the registry's clock is ahead of ours, in milliseconds; undefined when it shows none. */
  readonly skewMs: number | undefined;
}

interface RegistryExaminerDeps {
  readonly upstream: UpstreamName;
  readonly probe: RegistryProbe;
  /** Undefined when none are configured. */
  readonly credentials: CredentialProvider | undefined;
  /** Asks what is left of the pulls, without spending one; undefined when the registry states no limit. */
  readonly rateLimit: (signal: AbortSignal) => Promise<RateLimit | undefined>;
  readonly clock: Clock;
}

/** The share of pulls below which what is left is a warning. */
const lowShare = 0.1;

/** Examines a registry as Entrepot would use it: does it answer, accept the credentials, have pulls left? */
export class RegistryExaminer {
  readonly #deps: RegistryExaminerDeps;

  constructor(deps: RegistryExaminerDeps) {
    this.#deps = deps;
  }

  /** Never rejects. */
  async examine(signal: AbortSignal): Promise<Diagnosis> {
    const { probe, clock } = this.#deps;
    const since = clock.now();
    let ping: Ping;
    // What answers so is a registry only if it knows of manifests.
    let isDoubtful: boolean;
    let isRegistry = true;
    try {
      ping = await probe.ping(signal);
      isDoubtful = ping.status === 404 || (ping.status === 200 && ping.isPage);
      if (isDoubtful) isRegistry = await probe.knowsManifests(signal);
    } catch (error) {
      return {
        findings: [this.#trouble('', error)],
        unreachable: isUnreachable(error),
        skewMs: undefined,
      };
    }
    const answered = { unreachable: false, skewMs: ping.skewMs };
    if (isDoubtful && isRegistry) {
      return { ...answered, findings: [ok(this.#says('answers, though not at /v2/'))] };
    }
    const refusal = isRegistry || ping.status !== 200 ? this.#judge(ping) : this.#page();
    if (refusal !== undefined) return { ...answered, findings: [refusal] };
    const ms = clock.now() - since;
    const findings = [await this.#login(ping, ms, signal), ...(await this.#pulls(signal))];
    return { ...answered, findings };
  }

  #judge({ status }: Ping): Finding | undefined {
    switch (status) {
      case 200:
      case 401:
        return undefined;
      case 429:
        return warning(
          this.#says('answers 429: too many requests from here'),
          'wait, or configure a login for it',
        );
      case 404:
        return problem(this.#says('answers 404: no registry is there'), 'see that its URL is right');
      default:
        return problem(
          this.#says(`answers ${status}`),
          status >= 500
            ? 'the registry itself has a failure: try again later'
            : 'see that its URL is right, and what is in between',
        );
    }
  }

  #page(): Finding {
    return problem(
      this.#says('answers with a web page: no registry is there'),
      'see that its URL is right, and that no portal or proxy answers in its place',
    );
  }

  async #login(ping: Ping, ms: number, signal: AbortSignal): Promise<Finding> {
    const { probe, credentials } = this.#deps;
    const { url, proxy } = probe;
    const way = `answers in ${ms} ms${proxy === undefined ? '' : ` through the proxy ${proxy}`}`;
    let known: boolean;
    try {
      known = (await credentials?.get(url.host)) !== undefined;
    } catch (error) {
      const why = error instanceof CredentialError ? error.message : 'unknown error';
      return problem(
        this.#says(`${way}, but no credentials could be obtained: ${why}`),
        'check the credential helper, or the file',
      );
    }
    if (credentials !== undefined && !known) {
      return warning(
        this.#says(`${way}; there are no credentials for ${url.host} where the configuration points`),
        `docker login ${url.host}, as the user that Entrepot runs as`,
      );
    }
    if (ping.status === 200) return ok(this.#says(`${way}, and wants no login`));
    try {
      const status = await probe.login(ping.scope, signal);
      if (known && status !== 200) return this.#refused(way);
      return status === 401 && ping.scope === ''
        ? this.#closed(way)
        : ok(this.#says(`${way}, ${known ? 'and takes the credentials' : 'anonymous'}`));
    } catch (error) {
      const refused =
        error instanceof UpstreamError && (error.kind === 'unauthorized' || error.kind === 'denied');
      if (!refused) return this.#trouble(`${way}, but its token service: `, error);
      return known ? this.#refused(way) : this.#closed(way);
    }
  }

  #refused(way: string): Finding {
    return problem(
      this.#says(`${way}, but refuses the credentials`),
      'see that user name and password are right, and that a token has not expired',
    );
  }

  #closed(way: string): Finding {
    return warning(
      this.#says(`${way}, but accepts nobody without a login`),
      `configure one: upstreams.${this.#deps.upstream}.username and .passwordfile, or .credentials`,
    );
  }

  /** Only Docker Hub states how many pulls are left. */
  async #pulls(signal: AbortSignal): Promise<readonly Finding[]> {
    if (this.#deps.upstream !== dockerHub) return [];
    try {
      const limit = await this.#deps.rateLimit(signal);
      return limit === undefined ? [] : [this.#judgePulls(limit)];
    } catch (error) {
      if (error instanceof UpstreamError && error.kind === 'rate-limited') {
        return [
          warning(this.#says('no pulls are left'), 'cached tags are served; wait, or configure a login'),
        ];
      }
      // A mirror of Docker Hub's need not have the repository that shows it.
      return [];
    }
  }

  #judgePulls({ limit, remaining, windowSeconds, source }: RateLimit): Finding {
    const window = windowSeconds === undefined ? '' : ` in ${Math.round((windowSeconds / 3600) * 10) / 10} h`;
    const counted = source === undefined ? '' : `, counted for ${source}`;
    const message = this.#says(`${remaining ?? '?'} of ${limit ?? '?'} pulls left${window}${counted}`);
    return remaining !== undefined && remaining <= (limit ?? 0) * lowShare
      ? warning(message, 'a login raises the limit; what is cached needs no pulls')
      : ok(message);
  }

  #trouble(before: string, error: unknown): Finding {
    if (!(error instanceof UpstreamError)) throw error;
    const said = error.kind === 'aborted' ? `${this.#deps.probe.url.host}: no answer in time` : error.reason;
    const isNamed = before === '' && said.startsWith(`${this.#deps.upstream}:`);
    return problem(
      isNamed ? said : this.#says(before + said),
      adviceFor(error, this.#deps.upstream, this.#deps.probe.url),
    );
  }

  #says(text: string): string {
    return `${this.#deps.upstream} ${text}`;
  }
}
