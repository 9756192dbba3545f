import type { HeaderList } from './reply.ts';

/**
 * Whether a browser makes a request for a web page, be it for a script on it or for the address line.
 *
 * `Origin` and `Sec-Fetch-Site` are set by browsers alone, whatever a script says. Neither is there when a page asks its own
 * origin over plain HTTP (a registry behind the proxy of its user interface): then only `User-Agent` tells, which begins with
 * `Mozilla/` in every browser and in no registry client. `Sec-Fetch-Mode` tells nothing: Node's `fetch` sends it, too.
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
 * What goes with answers to web pages. They differ from what others get, and change with every pull and deletion: so a
 * browser asks again each time, and a shared cache keeps none of them.
 */
export const webPageHeaders: HeaderList = [
  'Cache-Control',
  'private, no-cache',
  'Vary',
  'Origin, Sec-Fetch-Site, User-Agent',
];
