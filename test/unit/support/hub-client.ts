import type { FakeHub } from '../../support/fake-hub.ts';
import { RawClient, type RawAnswer } from '../../support/raw-client.ts';

type Headers = Readonly<Record<string, string>>;

/** One request on a connection of its own. */
export async function ask(
  origin: string,
  path: string,
  headers: Headers = {},
  method = 'GET',
): Promise<RawAnswer> {
  using client = await RawClient.connect(origin);
  client.request(method, path, headers);
  return await client.answer();
}

/** A pull token for a repository, as anyone gets it. */
export async function token(hub: FakeHub, repository: string, headers: Headers = {}): Promise<string> {
  const { bytes } = await ask(hub.tokenUrl, `/token?service=s&scope=repository:${repository}:pull`, headers);
  const { token } = JSON.parse(bytes.toString()) as { readonly token: string };
  return token;
}

export async function bearer(hub: FakeHub, repository: string, headers: Headers = {}): Promise<Headers> {
  return { authorization: `Bearer ${await token(hub, repository, headers)}` };
}

/** The path on the CDN that the registry redirects a blob to. */
export async function signedPath(hub: FakeHub, repository: string, digest: string): Promise<string> {
  const answer = await ask(hub.url, `/v2/${repository}/blobs/${digest}`, await bearer(hub, repository));
  return (answer.headers['location'] ?? '').slice(hub.cdnUrl.length);
}

/** The first error code in a registry's error body. */
export function errorCode({ bytes }: RawAnswer): string | undefined {
  const body = JSON.parse(bytes.toString()) as { readonly errors?: readonly { readonly code: string }[] };
  return body.errors?.[0]?.code;
}
