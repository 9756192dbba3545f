import { RESPONSE_ALREADY_SENT } from '@hono/node-server/utils/response';
import type { Digest } from '../oci/digest.ts';
import { registryErrors } from '../oci/error.ts';
import type { BlobAnswer, BlobStat, Mirror, PullTarget } from '../mirror/mirror.ts';
import type { Logger } from '../telemetry/log.ts';
import { blobLocation } from './blob-location.ts';
import { BufferPool } from './buffer-pool.ts';
import { cacheHeaders } from './cache-status.ts';
import { blobType, contentOf } from './content.ts';
import { etag, matchesIfNoneMatch, matchesIfRange } from './etag.ts';
import { maxJoinedLength, type Exchange } from './exchange.ts';
import { parseRanges } from './range.ts';
import type { HeaderList } from './reply.ts';
import { sendBlob } from './send.ts';
import { contentDigest, pullTarget } from './target.ts';

const typeHeader: HeaderList = ['Content-Type', blobType];

/** GET and HEAD of a blob, with ranges and conditions. */
export class BlobHandler {
  readonly #mirror: Mirror;
  readonly #logger: Logger;
  readonly #buffers = new BufferPool();

  constructor(mirror: Mirror, logger: Logger) {
    this.#mirror = mirror;
    this.#logger = logger;
  }

  /** Never opens the blob: a HEAD starts no fill. `Range` means nothing here (RFC 9110, section 14.2). */
  async head(exchange: Exchange): Promise<Response> {
    return await this.#describe(exchange, pullTarget(exchange), contentDigest(exchange));
  }

  async get(exchange: Exchange): Promise<Response> {
    const target = pullTarget(exchange);
    const digest = contentDigest(exchange);
    if (matchesIfNoneMatch(exchange.request.header('if-none-match'), digest)) {
      return await this.#describe(exchange, target, digest);
    }
    const blob = await this.#mirror.openBlob(target, digest);
    const { size = Infinity } = blob;
    const isWhole = blob.validity !== undefined && exchange.request.header('range') === undefined;
    return isWhole && size <= maxJoinedLength
      ? await this.#sendWhole(exchange, digest, blob, size)
      : await this.#send(exchange, digest, blob);
  }

  async #describe(exchange: Exchange, target: PullTarget, digest: Digest): Promise<Response> {
    const stat = await this.#mirror.statBlob(target, digest);
    const headers = blobHeaders(exchange, digest, stat);
    return matchesIfNoneMatch(exchange.request.header('if-none-match'), digest)
      ? exchange.reply({ status: 304, headers })
      : exchange.reply({ status: 200, headers: [...headers, ...typeHeader], length: stat.size });
  }

  /** Sends a small blob as a whole, which may then be given again. */
  async #sendWhole(exchange: Exchange, digest: Digest, blob: BlobAnswer, size: number): Promise<Response> {
    const body = await readWhole(blob, size);
    const headers = [...blobHeaders(exchange, digest, blob), ...typeHeader, ...blobLocation(exchange)];
    return exchange.reply({ status: 200, headers, body });
  }

  async #send(exchange: Exchange, digest: Digest, blob: BlobAnswer): Promise<Response> {
    const { request, takesChunks } = exchange;
    const wanted = matchesIfRange(request.header('if-range'), digest) ? request.header('range') : undefined;
    const needsSize = wanted !== undefined || !takesChunks;
    const size = (needsSize ? await measured(blob, takesChunks) : blob.size) ?? Infinity;
    const headers = blobHeaders(exchange, digest, blob);
    const ranges = size === Infinity ? undefined : parseRanges(wanted, size);
    if (ranges === 'unsatisfiable') {
      await blob.close();
      exchange.errorHeaders = ['Content-Range', `bytes */${size}`];
      throw registryErrors.rangeInvalid(size);
    }
    const location = ranges === undefined ? blobLocation(exchange) : [];
    exchange.headSuffices = location.length > 0;
    const content = contentOf(size, ranges);
    await sendBlob({
      exchange,
      blob,
      content,
      buffers: this.#buffers,
      logger: this.#logger,
      writeHead: () => {
        // What is small is whole by now.
        const isLate = size === Infinity && blob.size !== undefined;
        const described = isLate ? contentOf(blob.size, undefined) : content;
        exchange.writeHead(described.status, [...headers, ...described.headers, ...location]);
      },
    });
    return RESPONSE_ALREADY_SENT;
  }
}

/**
 * The size of a blob for an answer that needs it before it begins. Undefined if it is known only at the end:
 * then the whole is sent in chunks, or nothing if the client takes none, which would not notice a cut.
 * Rejects with RegistryError, and then closes the blob.
 */
async function measured(blob: BlobAnswer, takesChunks: boolean): Promise<number | undefined> {
  try {
    const size = await blob.measured();
    if (size === undefined && !takesChunks)
      throw registryErrors.badGateway('upstream does not state the size of the blob');
    return size;
  } catch (error) {
    await blob.close();
    throw error;
  }
}

/** All of a blob of `size` bytes, which it closes. Rejects with RegistryError. */
async function readWhole(blob: BlobAnswer, size: number): Promise<Buffer> {
  const bytes = Buffer.allocUnsafeSlow(size);
  try {
    for (let position = 0; position < size;) {
      const count = await blob.read(bytes.subarray(position), size - position, position);
      if (count === 0) throw registryErrors.internal();
      position += count;
    }
    return bytes;
  } finally {
    await blob.close();
  }
}

function blobHeaders(exchange: Exchange, digest: Digest, answer: BlobStat | BlobAnswer): HeaderList {
  return [
    ...cacheHeaders(exchange, answer),
    'Accept-Ranges',
    'bytes',
    ...(exchange.isFromWebPage ? [] : ['Cache-Control', 'max-age=31536000']),
    'Docker-Content-Digest',
    digest,
    'ETag',
    etag(digest),
  ];
}
