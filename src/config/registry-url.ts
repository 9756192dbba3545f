import { dockerHub, dockerHubHosts } from '../oci/docker-hub.ts';
import { parseUpstreamName, type UpstreamName } from '../oci/reference.ts';

/** Where a registry answers, and its default name. */
export interface RegistryUrl {
  readonly name: UpstreamName;
  /** Scheme, host and port; no path. */
  readonly url: URL;
}

/** Why a text is no registry's URL; never quotes user information. */
interface Refusal {
  readonly problem: string;
}

const dockerHubUrl = 'https://registry-1.docker.io';

/** Where a registry of this name answers when nothing else is said. */
export function defaultUrl(name: UpstreamName): URL {
  return new URL(name === dockerHub ? dockerHubUrl : `https://${name}`);
}

/** Reads `https://HOST[:PORT]`. Docker Hub goes by `docker.io`, every other registry by its host and port. */
export function parseRegistryUrl(text: string): RegistryUrl | Refusal {
  if (!/^https?:\/\//i.test(text)) return { problem: withoutScheme(text) };
  if (!URL.canParse(text)) return { problem: 'not a URL; write for example https://registry.example.com' };
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    return { problem: 'a URL must not hold credentials; give username and passwordfile beside it' };
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return { problem: `only a host and a port are possible here, did you mean ${url.origin}?` };
  }
  if (url.hostname === 'hub.docker.com') {
    return { problem: `that is Docker Hub's web site, did you mean ${dockerHubUrl}?` };
  }
  if (dockerHubHosts.has(url.hostname) && url.port === '')
    return { name: dockerHub, url: defaultUrl(dockerHub) };
  const name = parseUpstreamName(url.host);
  return name === undefined ? { problem: 'not the host name of a registry' } : { name, url };
}

/** Reads the name of an upstream as a key of `upstreams`: a host as it stands in the names of images. */
export function parseRegistryName(text: string): { readonly name: UpstreamName } | Refusal {
  if (text.includes('*')) {
    return {
      problem: `name each host, for example ${text.replaceAll('*', text.endsWith('-docker.pkg.dev') ? 'europe-west1' : 'example')}: a pattern would let clients choose whom Entrepot asks`,
    };
  }
  const scheme = /^https?:\/\//i.exec(text)?.[0];
  if (scheme !== undefined) {
    const host = text.slice(scheme.length).replace(/\/.*$/, '');
    const hint = parseUpstreamName(host) === undefined ? '' : `, did you mean ${host}?`;
    return { problem: `an upstream goes by its host alone (its url is a key below)${hint}` };
  }
  const name = parseUpstreamName(text);
  if (name === undefined || (name.includes(':') && !URL.canParse(`https://${name}`))) {
    return { problem: 'not the host name of a registry, such as ghcr.io or registry.example.com:5000' };
  }
  if (name === 'hub.docker.com') return { problem: "that is Docker Hub's web site, did you mean docker.io?" };
  return { name: dockerHubHosts.has(name) ? dockerHub : name };
}

function withoutScheme(text: string): string {
  const guess = `https://${text}`;
  const hint =
    /^[a-z0-9.-]+(?::[0-9]{1,5})?\/?$/i.test(text) && URL.canParse(guess)
      ? `did you mean ${guess.replace(/\/$/, '')}?`
      : 'write for example https://registry.example.com';
  return `must begin with https:// or http://, ${hint}`;
}
