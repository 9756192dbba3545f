import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { text } from 'node:stream/consumers';
import type { ListenAddress } from '../http/server.ts';

export interface Health {
  readonly status: number | undefined;
  /** Whether the answer is one that Entrepot gives. */
  readonly isEntrepot: boolean;
  /** It requires a client certificate (`http.tls.clientcas`), which the check lacks: it is alive. */
  readonly wantsCertificate: boolean;
}

/** How OpenSSL calls the alert of that name (RFC 8446, section 6.2). */
const certificateRequired = 'ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED';

/** More than Entrepot's own answer has, in bytes. */
const maxBytes = 1024;

/**
 * Asks what listens at `addr` on this machine for `/healthz`.
 * @throws the system's error when there is no answer
 */
export async function askHealth(addr: ListenAddress, secure: boolean, signal: AbortSignal): Promise<Health> {
  const { host, port } = addr;
  const options = {
    host: host === undefined || host === '0.0.0.0' || host === '::' ? 'localhost' : host,
    port,
    path: '/healthz',
    signal,
  };
  const { promise, resolve, reject } = Promise.withResolvers<Health>();
  // The certificate is for the name that clients use, not for this one; and nothing secret is said.
  const request = secure ? httpsRequest({ ...options, rejectUnauthorized: false }) : httpRequest(options);
  request.on('response', (response) => {
    const status = response.statusCode;
    if (Number(response.headers['content-length'] ?? Infinity) > maxBytes) {
      response.destroy();
      resolve({ status, isEntrepot: false, wantsCertificate: false });
      return;
    }
    text(response).then(
      (body) => resolve({ status, isEntrepot: status === 200 && isAlive(body), wantsCertificate: false }),
      reject,
    );
  });
  request.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === certificateRequired) {
      resolve({ status: undefined, isEntrepot: false, wantsCertificate: true });
    } else reject(error);
  });
  request.end();
  return promise;
}

function isAlive(body: string): boolean {
  try {
    const said: unknown = JSON.parse(body);
    return typeof said === 'object' && said !== null && 'status' in said && said.status === 'ok';
  } catch {
    return false;
  }
}
