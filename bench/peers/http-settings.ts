import type { Certificate } from '../certificate.ts';

/** `http` in the configuration of registry:2, which Entrepot shares. */
export function httpSettings(port: number, certificate?: Certificate): object {
  const addr = `127.0.0.1:${port}`;
  if (certificate === undefined) return { addr };
  return { addr, tls: { certificate: certificate.certificate, key: certificate.key } };
}
