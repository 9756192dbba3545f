import type { Clock } from '../base/clock.ts';
import { dockerHubHosts } from '../oci/docker-hub.ts';
import { z } from '../base/zod.ts';
import { answerError } from './answer-error.ts';
import { readDecoded } from './content-encoding.ts';
import { urlBelow } from './endpoint.ts';
import { jsonAnswer } from './json-answer.ts';
import type { Sender } from './http-message.ts';
import type { RequestOptions, SearchResult } from './registry.ts';

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

interface DockerSearchDeps {
  /** Sends without any authorization. */
  readonly sender: Sender;
  readonly clock: Clock;
  /** Milliseconds within which the answer must be there, once its headers are. */
  readonly bodyTimeoutMs: number;
}

/**
 * The search of the registry protocol's first version, which `docker search` still uses. Results that are no
 * repositories are left out.
 * @param registry its URL
 * @see https://github.com/moby/moby/blob/master/daemon/pkg/registry/search_session.go
 */
export async function searchDocker(
  registry: URL,
  { sender, clock, bodyTimeoutMs }: DockerSearchDeps,
  { term, limit, signal }: { readonly term: string; readonly limit: number } & Pick<RequestOptions, 'signal'>,
): Promise<readonly SearchResult[]> {
  const url = urlBelow(dockerHubHosts.has(registry.host) ? hubIndex : registry, 'v1/search');
  url.searchParams.set('q', term);
  url.searchParams.set('n', String(limit));
  const headers = { accept: 'application/json' };
  const response = await sender.send({ method: 'GET', url, headers, pool: 'metadata', signal });
  if (response.status !== 200) throw await answerError(response, clock.now());
  const bytes = await readDecoded(response, maxAnswerBytes, bodyTimeoutMs);
  const { results } = jsonAnswer(answer, 'search results', bytes, response.url.host, response.headers);
  return results
    .flatMap((found) => {
      const { data } = result.safeParse(found);
      return data === undefined ? [] : [data];
    })
    .slice(0, limit);
}

/** Descriptions are printed to terminals: control characters do not get there. */
function oneLine(text: string): string {
  return text
    .replace(/[\p{C}\s]+/gu, ' ')
    .trim()
    .slice(0, maxDescriptionLength);
}
