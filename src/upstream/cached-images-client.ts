import type { Clock } from '../base/clock.ts';
import { z } from '../base/zod.ts';
import { digestSchema, repositorySchema, tagSchema, upstreamSchema } from '../oci/schemas.ts';
import { answerError } from './answer-error.ts';
import type { AuthorizedSender } from './auth/authorized-sender.ts';
import { readDecoded } from './content-encoding.ts';
import { urlBelow } from './endpoint.ts';
import type { UpstreamRequest } from './http-message.ts';
import { jsonAnswer } from './json-answer.ts';
import { nextPage } from './next-page.ts';
import { UpstreamError, type RequestOptions } from './registry.ts';

const maxPageBytes = 8 * 1024 * 1024;
const imagesPerPage = 500;
/** More than any mirror has: a list that never ends is none. */
const maxImages = 100_000;

const cachedImage = z.object({
  upstream: upstreamSchema,
  repository: repositorySchema,
  tag: tagSchema.nullable(),
  digest: digestSchema,
  complete: z.boolean(),
  pinned: z.boolean(),
  /** Milliseconds since the epoch. */
  checkedAt: z.number().nonnegative().nullable(),
});

/** An image that another Entrepot has. */
export type CachedImage = Readonly<z.infer<typeof cachedImage>>;

const page = z.object({ images: z.array(cachedImage) });

interface CachedImagesClientDeps {
  readonly url: URL;
  /** Tried again when it fails in passing. */
  readonly sender: AuthorizedSender;
  readonly clock: Clock;
  /** Milliseconds within which a page must be there, once its headers are. */
  readonly bodyTimeoutMs: number;
}

/** Asks another Entrepot which images it has. */
export class CachedImagesClient {
  readonly #deps: CachedImagesClientDeps;

  constructor(deps: CachedImagesClientDeps) {
    this.#deps = deps;
  }

  /** Whether it is an Entrepot that can be asked. Rejects with UpstreamError when it does not answer. */
  async isThere({ signal }: RequestOptions = {}): Promise<boolean> {
    const response = await this.#send(this.#first(0), signal);
    const { status, body } = response;
    if (status === 401 || status === 403) throw await answerError(response, this.#deps.clock.now());
    body.discard();
    return status === 200;
  }

  /** Its images that our account may see, page by page. Rejects with UpstreamError. */
  async *images({ signal }: RequestOptions = {}): AsyncGenerator<CachedImage> {
    const { clock, bodyTimeoutMs } = this.#deps;
    const asked = new Set<string>();
    let count = 0;
    for (let url: URL | undefined = this.#first(imagesPerPage); url !== undefined;) {
      asked.add(url.href);
      const response = await this.#send(url, signal);
      if (response.status !== 200) throw await answerError(response, clock.now());
      const bytes = await readDecoded(response, maxPageBytes, bodyTimeoutMs);
      const { images } = jsonAnswer(page, 'list of images', bytes, response.url.host, response.headers);
      yield* images;
      count += images.length;
      if (images.length === 0) return;
      if (count > maxImages)
        throw new UpstreamError('invalid', `${url.host} lists more than ${maxImages} images`);
      url = nextPage(response, url, asked);
    }
  }

  #first(n: number): URL {
    const url = urlBelow(this.#deps.url, 'v2/_entrepot/images');
    url.searchParams.set('n', String(n));
    return url;
  }

  #send(url: URL, signal: AbortSignal | undefined) {
    const request: UpstreamRequest = {
      method: 'GET',
      url,
      headers: { accept: 'application/json' },
      pool: 'metadata',
      signal,
    };
    return this.#deps.sender.send(request, 'registry:catalog:*');
  }
}
