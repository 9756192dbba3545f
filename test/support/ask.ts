import { RawClient, type RawAnswer } from './raw-client.ts';

/**
 * Milliseconds that any single wait may take: longer than the mirror goes on trying an upstream that fails.
 */
const deadlineMs = 60_000;

/** One request on a connection of its own. */
export async function ask(
  origin: string,
  path: string,
  headers: Readonly<Record<string, string>> = {},
  method = 'GET',
): Promise<RawAnswer> {
  using client = await RawClient.connect(origin, { deadlineMs });
  client.request(method, path, headers);
  return await client.answer();
}

/** The header by which a client logs in. */
export function basic(username: string, password: string): { readonly authorization: string } {
  return { authorization: `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}` };
}

/** The first error code in a registry's error body. */
export function errorCode({ bytes }: Pick<RawAnswer, 'bytes'>): string | undefined {
  const body = JSON.parse(bytes.toString()) as { readonly errors?: readonly { readonly code: string }[] };
  return body.errors?.[0]?.code;
}

/**
 * What a client makes of an answer to GET for content whose right bytes are `right`: `right`, `cut` in
 * mid-body, or an error's status and code, such as `404 BLOB_UNKNOWN`. Throws for what must never be: a whole
 * answer that is wrong.
 */
export function verdict(answer: RawAnswer, right: Uint8Array): string {
  if (answer.status >= 400) return `${answer.status} ${errorCode(answer)}`;
  if (!answer.complete) return 'cut';
  const [, first, last] = /^bytes (\d+)-(\d+)\//.exec(answer.headers['content-range'] ?? '') ?? [];
  const wanted = answer.status === 206 ? right.subarray(Number(first), Number(last) + 1) : right;
  if (![200, 206].includes(answer.status)) throw new Error(`an answer of status ${answer.status}`);
  if (!answer.bytes.equals(wanted)) throw new Error('a whole answer with wrong bytes');
  return 'right';
}
