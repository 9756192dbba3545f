const defaultHttps = '443';

/**
 * An http URL of the host where `known` answers over https, as https at that port: servers behind a TLS proxy
 * say http. Any other URL, and one with a port of its own, is returned as it is.
 */
export function overTls(known: URL, written: URL): URL {
  if (written.protocol !== 'http:' || known.protocol !== 'https:') return written;
  if (written.hostname !== known.hostname) return written;
  const port = written.port === defaultHttps ? '' : written.port;
  if (port !== '' && port !== known.port) return written;
  const url = new URL(written);
  url.protocol = 'https:';
  url.port = known.port;
  return url;
}
