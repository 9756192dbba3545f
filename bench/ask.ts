import { once } from 'node:events';
import { get as getPlain, type IncomingMessage } from 'node:http';
import { get as getOverTls } from 'node:https';

/** How long an answer may take, body and all, in milliseconds. */
const patience = 120_000;

/**
 * Asks a server of this benchmark's, over a connection of its own.
 * @param ca authority that signed its certificate, PEM; needed for `https:`
 */
export async function ask(
  url: URL,
  ca?: string,
  headers: Readonly<Record<string, string>> = {},
): Promise<IncomingMessage> {
  const get = url.protocol === 'https:' ? getOverTls : getPlain;
  const request = get(url, {
    agent: false,
    headers,
    signal: AbortSignal.timeout(patience),
    ...(ca === undefined ? {} : { ca }),
  });
  const [response] = (await once(request, 'response')) as [IncomingMessage];
  return response;
}
