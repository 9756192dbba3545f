import { promisify } from 'node:util';
import { brotliDecompress, constants, gunzip, inflate, inflateRaw, zstdDecompress } from 'node:zlib';
import { headerText, type ResponseHeaders } from './headers.ts';
import type { UpstreamResponse } from './http-message.ts';
import { UpstreamError } from './registry.ts';

/** No server encodes more than twice in earnest. */
const maxCodings = 2;

type Decoder = (bytes: Buffer, options: { readonly maxOutputLength: number }) => Promise<Buffer>;

/** The specification means zlib's format, and many servers send what is inside of that. */
const inflateEither: Decoder = async (bytes, options) => {
  const isZlib = ((bytes[0] ?? 0) & 0x0f) === 8 && bytes.length > 1 && bytes.readUInt16BE(0) % 31 === 0;
  return promisify(isZlib ? inflate : inflateRaw)(bytes, options);
};

/** The window of 8 MiB that HTTP allows; a frame may state, and have allocated, 128 (RFC 9659, section 3). */
const zstdParams = { [constants.ZSTD_d_windowLogMax]: 23 };
const unzstd: Decoder = (bytes, options) =>
  promisify(zstdDecompress)(bytes, { ...options, params: zstdParams });

/** @see https://www.iana.org/assignments/http-parameters/http-parameters.xhtml#content-coding */
const decoders: ReadonlyMap<string, Decoder> = new Map<string, Decoder>([
  ['gzip', promisify(gunzip)],
  ['x-gzip', promisify(gunzip)],
  ['deflate', inflateEither],
  ['br', promisify(brotliDecompress)],
  ['zstd', unzstd],
]);

/** How a body is encoded, in lower case; undefined for `identity`. */
export function contentEncoding(headers: ResponseHeaders): string | undefined {
  const codings = (headerText(headers, 'content-encoding') ?? '')
    .toLowerCase()
    .split(',')
    .map((coding) => coding.trim())
    .filter((coding) => coding !== '' && coding !== 'identity');
  return codings.length === 0 ? undefined : codings.join(', ').slice(0, 100);
}

/**
 * Decodes a body.
 * @throws {UpstreamError} `invalid` for what cannot be decoded, or is longer than `limit` bytes then
 */
export async function decode(
  bytes: Buffer,
  encoding: string,
  limit: number,
  { url, status }: UpstreamResponse,
): Promise<Buffer> {
  const codings = encoding.split(', ');
  const steps = codings.flatMap((coding) => decoders.get(coding) ?? []);
  if (codings.length > maxCodings || steps.length < codings.length) {
    throw new UpstreamError('invalid', `${url.host} answers with an encoded body (${encoding})`, { status });
  }
  try {
    let decoded = bytes;
    // What was done last is undone first.
    for (const step of steps.toReversed()) decoded = await step(decoded, { maxOutputLength: limit });
    return decoded;
  } catch (cause) {
    const message = `${url.host} answers with an encoded body (${encoding}) that cannot be decoded`;
    throw new UpstreamError('invalid', message, { status, cause });
  }
}

/**
 * A whole body, decoded: some proxies encode all JSON unasked.
 * @throws {UpstreamError} `invalid` for what is longer than `limit` bytes, encoded or not, or cannot be
 *   decoded
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
