import type { Clock } from '../base/clock.ts';
import { dockerHubHosts } from '../oci/docker-hub.ts';
import { z } from '../base/zod.ts';
import { answerError } from './answer-error.ts';
import { readDecoded } from './content-encoding.ts';
import { described } from './described.ts';
import type { Sender, UpstreamResponse } from './http-message.ts';
import { UpstreamError, type RequestOptions, type SearchResult } from './registry.ts';

const maxAnswerBytes = 4 * 1024 * 1024;
const maxDescriptionLength = 1_000;

/** Docker Hub's registry answers no searches; its index does. */
const hubIndex = new URL('https://index.docker.io/');

const result = z
  .object({
    name: z.string().regex(/^[\w./:-]{1,255}$/),
    description: z.string().nullish(),
    star_count: z.number().int().nonnegative().catch(0),
    is_official: z.boolean().catch(false),
    is_automated: z.boolean().catch(false),
  })
  .transform((found): SearchResult => ({
    name: found.name,
    description: oneLine(found.description ?? ''),
    starCount: found.star_count,
    isOfficial: found.is_official,
    isAutomated: found.is_automated,
  }));

const answer = z.object({ results: z.array(z.unknown()) });

export interface DockerSearchOptions {
  /** The registry. */
  readonly url: URL;
  /** Sends without any authorization. */
  readonly sender: Sender;
  readonly clock: Clock;
  /** Milliseconds within which the answer must be there, once its headers are. */
  readonly bodyTimeoutMs: number;
}

/**
 * The search of the registry protocol's first version, which is what `docker search` speaks to this day.
 * @see https://github.com/moby/moby/blob/master/daemon/pkg/registry/search_session.go
 */
export class DockerSearch {
  readonly #url: URL;
  readonly #sender: Sender;
  readonly #clock: Clock;
  readonly #bodyTimeoutMs: number;

  constructor({ url, sender, clock, bodyTimeoutMs }: DockerSearchOptions) {
    this.#url = dockerHubHosts.has(url.host) ? hubIndex : url;
    this.#sender = sender;
    this.#clock = clock;
    this.#bodyTimeoutMs = bodyTimeoutMs;
  }

  /** What is no repository in the answer is left out. */
  async find(term: string, limit: number, { signal }: RequestOptions): Promise<readonly SearchResult[]> {
    const url = new URL(`${this.#url.pathname.replace(/\/+$/, '')}/v1/search`, this.#url.origin);
    url.searchParams.set('q', term);
    url.searchParams.set('n', String(limit));
    const response = await this.#sender.send({
      method: 'GET',
      url,
      headers: { accept: 'application/json' },
      pool: 'metadata',
      signal,
    });
    if (response.status !== 200) throw await answerError(response, this.#clock.now());
    return readResults(await readDecoded(response, maxAnswerBytes, this.#bodyTimeoutMs), response)
      .flatMap((found) => {
        const { data } = result.safeParse(found);
        return data === undefined ? [] : [data];
      })
      .slice(0, limit);
  }
}

function readResults(bytes: Buffer, { url: { host }, headers }: UpstreamResponse): readonly unknown[] {
  let json: unknown;
  try {
    json = JSON.parse(bytes.toString('utf8'));
  } catch (cause) {
    throw new UpstreamError(
      'invalid',
      `${host}: the answer to a search is not JSON: ${described(headers, bytes)}`,
      { cause },
    );
  }
  const { success, data } = answer.safeParse(json);
  if (!success)
    throw new UpstreamError(
      'invalid',
      `${host}: the answer to a search holds no results: ${described(headers, bytes)}`,
    );
  return data.results;
}

/** Descriptions are printed to terminals: control characters do not get there. */
function oneLine(text: string): string {
  return text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, maxDescriptionLength);
}
