import { promisify } from 'node:util';
import { brotliDecompress, gunzip, inflate, zstdDecompress } from 'node:zlib';
import { headerText, type ResponseHeaders, type UpstreamResponse } from './http-message.ts';
import { UpstreamError } from './registry.ts';

type Decoder = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

/** @see https://www.iana.org/assignments/http-parameters/http-parameters.xhtml#content-coding */
const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', promisify(inflate)],
  ['br', promisify(brotliDecompress)],
  ['zstd', promisify(zstdDecompress)],
]);

/** How a body is encoded, in lower case; undefined where it is not. `identity` is what every request asks for. */
export function contentEncoding(headers: ResponseHeaders): string | undefined {
  const codings = (headerText(headers, 'content-encoding') ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  return codings.length === 0 ? undefined : codings.join(', ').slice(0, 100);
}

/**
 * What an encoded body stands for.
 * @throws {UpstreamError} `invalid` for what cannot be decoded, or is longer than `limit` bytes then
 */
export async function decode(
  bytes: Buffer,
  encoding: string,
  limit: number,
  { url, status }: UpstreamResponse,
): Promise<Buffer> {
  const decoder = decoders.get(encoding);
  if (decoder === undefined) {
    throw new UpstreamError('invalid', `${url.host} answers with an encoded body (${encoding})`, { status });
  }
  try {
    return await decoder(bytes, { maxOutputLength: limit });
  } catch (cause) {
    const message = `${url.host} answers with an encoded body (${encoding}) that cannot be decoded`;
    throw new UpstreamError('invalid', message, { status, cause });
  }
}

/**
 * A whole body, decoded where its sender has encoded it unasked, as some proxies do to all JSON.
 * @throws {UpstreamError} `invalid` for what is longer than `limit` bytes, encoded or not, or cannot be decoded
 */
export async function readDecoded(
  response: UpstreamResponse,
  limit: number,
  timeoutMs: number,
): Promise<Buffer> {
  const bytes = await response.body.read(limit, timeoutMs);
  const encoding = contentEncoding(response.headers);
  return encoding === undefined ? bytes : decode(bytes, encoding, limit, response);
}
