import { dockerHub, dockerHubHosts } from '../oci/docker-hub.ts';
import { parseUpstreamName, type UpstreamName } from '../oci/reference.ts';

/** The registry that a `proxy.remoteurl` means, or why it means none; the reason never quotes user information. */
export type RemoteUrl = { readonly name: UpstreamName; readonly url: URL } | { readonly problem: string };

const dockerHubUrl = 'https://registry-1.docker.io';

export function dockerHubUpstream(): { readonly name: UpstreamName; readonly url: URL } {
  return { name: dockerHub, url: new URL(dockerHubUrl) };
}

/** Reads `https://HOST[:PORT]`. Docker Hub goes by `docker.io`, every other registry by its host and port. */
export function parseRemoteUrl(text: string): RemoteUrl {
  if (!/^https?:\/\//i.test(text)) return { problem: withoutScheme(text) };
  if (!URL.canParse(text)) return { problem: 'not a URL; write for example https://registry.example.com' };
  const url = new URL(text);
  if (url.username !== '' || url.password !== '') {
    return { problem: 'a URL must not hold credentials; give proxy.username and proxy.passwordfile' };
  }
  if (url.pathname !== '/' || url.search !== '' || url.hash !== '') {
    return { problem: `only a host and a port are possible here, did you mean ${url.origin}?` };
  }
  if (url.hostname === 'hub.docker.com') {
    return { problem: `that is Docker Hub's web site, did you mean ${dockerHubUrl}?` };
  }
  if (dockerHubHosts.has(url.hostname) && url.port === '') return dockerHubUpstream();
  const name = parseUpstreamName(url.host);
  return name === undefined ? { problem: 'not the host name of a registry' } : { name, url };
}

function withoutScheme(text: string): string {
  const guess = `https://${text}`;
  const hint =
    /^[a-z0-9.-]+(?::[0-9]{1,5})?\/?$/i.test(text) && URL.canParse(guess)
      ? `did you mean ${guess.replace(/\/$/, '')}?`
      : 'write for example https://registry.example.com';
  return `must begin with https:// or http://, ${hint}`;
}
