import { dockerHubHosts } from '../../oci/docker-hub.ts';

/** What Docker calls its Hub wherever it keeps credentials. */
const dockerHubKey = 'https://index.docker.io/v1/';

/** The name by which Docker keeps the credentials of the registry at `host`, and asks helpers for them. */
export function serverKey(host: string): string {
  return dockerHubHosts.has(host) ? dockerHubKey : host;
}

/**
 * The key among `keys` that stands for the registry at `host`: exactly Docker's own, else one for the same
 * host with a scheme, a default port or an API's path (`https://quay.io/v1/`), else Podman's for a part of it
 * (`quay.io/org`), if that is the only one.
 */
export function findServerKey(keys: readonly string[], host: string): string | undefined {
  const exact = serverKey(host);
  if (keys.includes(exact)) return exact;
  const related = keys.flatMap((key) => {
    const url = URL.parse(/^https?:\/\//i.test(key) ? key : `https://${key}`);
    return url !== null && serverKey(url.host) === exact ? [{ key, url }] : [];
  });
  const whole = related.find(({ url }) => /^(\/v[12])?\/?$/.test(url.pathname));
  return whole?.key ?? (related.length === 1 ? related[0]?.key : undefined);
}
