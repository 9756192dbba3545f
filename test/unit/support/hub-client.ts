import { ask } from '../../support/ask.ts';
import type { FakeHub } from '../../support/fake-hub.ts';

type Headers = Readonly<Record<string, string>>;

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
