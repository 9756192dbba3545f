import type { ProxySettings } from '../upstream/proxy-settings.ts';
import type { LoadContext } from './load-context.ts';
import type { Path } from './tree.ts';

/** As in Go, whose programs the ones next to Entrepot are: the upper-case name first. */
const variables = {
  http: ['HTTP_PROXY', 'http_proxy'],
  https: ['HTTPS_PROXY', 'https_proxy'],
  noProxy: ['NO_PROXY', 'no_proxy'],
} as const;

/**
 * The proxies of the environment; undefined when it names none. They are for other machines only.
 * @see https://pkg.go.dev/golang.org/x/net/http/httpproxy#Config.ProxyFunc
 */
export function environmentProxies(context: LoadContext): ProxySettings | undefined {
  const http = read('http');
  const https = read('https');
  if (http === undefined && https === undefined) return undefined;
  return {
    http,
    https,
    noProxy: context.variable(...variables.noProxy) ?? '',
    forLoopback: false,
  };

  function read(scheme: 'http' | 'https'): URL | undefined {
    const text = context.variable(...variables[scheme]);
    if (text === undefined) return undefined;
    const url = parseProxy(text.includes('://') ? text : `http://${text}`);
    if (url instanceof URL) return url;
    const variable = variables[scheme].find((name) => context.environment[name] === text);
    context.problems.addVariable(variable ?? variables[scheme][0], url);
    return undefined;
  }
}

/** What an upstream's own `proxy` asks for: a proxy for everything, or `none`. */
export function readProxy(text: string, path: Path, context: LoadContext): ProxySettings | undefined {
  if (text.toLowerCase() === 'none') return undefined;
  const url = parseProxy(text);
  if (url instanceof URL) return { http: url, https: url, noProxy: '', forLoopback: true };
  context.problems.add(path, url);
  return undefined;
}

/** The URL, or what is wrong with it; a proxy's URL may hold a password and is not quoted. */
function parseProxy(text: string): URL | string {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (url === undefined || !text.includes('://')) {
    return 'is not the URL of a proxy, such as http://proxy.example:3128, and not none';
  }
  if (url.protocol !== 'http:' && url.protocol !== 'https:') {
    return 'only http:// and https:// proxies are supported';
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return "a proxy's URL ends with its port";
  }
  return url;
}
