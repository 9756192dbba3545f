import type { HeaderList } from './reply.ts';

/**
 * Whether a browser makes a request for a web page, be it for a script on it or for the address line.
 *
 * Only browsers set `Origin` and `Sec-Fetch-Site`, not scripts. Both are absent for the page's own origin
 * over plain HTTP (a registry behind the proxy of its user interface): then `User-Agent` decides, which
 * begins with `Mozilla/` in every browser and in no registry client. `Sec-Fetch-Mode` does not help: Node's
 * `fetch` sends it, too.
 * @see https://www.w3.org/TR/fetch-metadata/
 */
export function isFromWebPage(header: (name: string) => string | undefined): boolean {
  return (
    header('origin') !== undefined ||
    header('sec-fetch-site') !== undefined ||
    header('user-agent')?.startsWith('Mozilla/') === true
  );
}

/**
 * Headers of answers to web pages. These differ from what others get, and change with every pull and
 * deletion: so no cache keeps them.
 */
export const webPageHeaders: HeaderList = [
  'Cache-Control',
  'private, no-cache',
  'Vary',
  'Origin, Sec-Fetch-Site, User-Agent',
];
