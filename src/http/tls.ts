import { X509Certificate } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import type { Socket } from 'node:net';
import { createSecureContext, type SecureContextOptions, type SecureVersion, type TLSSocket } from 'node:tls';
import type { Server } from 'node:https';
import { lingerMs } from './bad-requests.ts';
import { trustAnchors } from './trust-anchors.ts';

/** The certificate or the key cannot be used. */
export class TlsError extends Error {
  override readonly name = 'TlsError';
  readonly code = 'TLS';
}

/** TLS with everything loaded: PEM texts, not file names. */
export interface TlsOptions {
  readonly cert: string | Buffer;
  readonly key: string | Buffer;
  /** Authorities, roots or not; clients must then show a certificate that one of them signed. */
  readonly clientCas?: readonly (string | Buffer)[] | undefined;
  readonly minVersion?: SecureVersion | undefined;
  /** Cipher suites as OpenSSL lists them; undefined for Node's own choice. */
  readonly ciphers?: string | undefined;
}

/** The same as files. */
export interface TlsFiles {
  readonly certificate: string;
  readonly key: string;
  readonly clientcas: readonly string[];
  readonly minimumtls: 'TLSv1.2' | 'TLSv1.3';
  readonly ciphers: string | undefined;
}

export async function readTls(files: TlsFiles): Promise<TlsOptions> {
  const { certificate, clientcas, minimumtls: minVersion, ciphers } = files;
  const cert = await readFile(certificate);
  const key = await readFile(files.key);
  const clientCas = await Promise.all(clientcas.map((file) => readFile(file)));
  return { cert, key, clientCas: clientCas.length === 0 ? undefined : clientCas, minVersion, ciphers };
}

/**
 * The same as Node takes it.
 * @throws TlsError for empty texts, which Node takes for none: every handshake would then fail
 */
export function secureOptions({
  cert,
  key,
  clientCas,
  minVersion,
  ciphers,
}: TlsOptions): SecureContextOptions {
  if (cert.length === 0 || key.length === 0) throw new TlsError('the certificate or the key is empty');
  return {
    cert,
    key,
    // As in Go and nginx: clients know which suite is fast for them.
    honorCipherOrder: false,
    minVersion,
    ciphers,
    ca: clientCas?.map((pem) => trustAnchors(pem.toString('latin1'))),
  };
}

/**
 * Uses another certificate from the next connection on.
 * @throws TlsError or the error of OpenSSL for what cannot be used; then nothing has changed
 */
export function renewTls(server: Server, tls: TlsOptions): void {
  const options = secureOptions(tls);
  // Tried first: a server that is given a bad certificate keeps half of it.
  createSecureContext(options);
  server.setSecureContext(options);
}

/**
 * Why clients refuse a valid certificate because of its dates; undefined if they do not.
 * @param now milliseconds since the epoch
 */
export function outOfDate({ cert }: TlsOptions, now: number): string | undefined {
  const { validFromDate, validToDate } = new X509Certificate(cert);
  if (validToDate.getTime() < now) return `the certificate has expired on ${day(validToDate)}`;
  if (validFromDate.getTime() > now) return `the certificate is not valid before ${day(validFromDate)}`;
  return undefined;
}

function day(date: Date): string {
  return date.toISOString().slice(0, 10);
}

const plainText = 'Client sent an HTTP request to an HTTPS server.\n';
const plainAnswer =
  'HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nConnection: close\r\n' +
  `Content-Length: ${plainText.length}\r\n\r\n${plainText}`;

/** Tells a client that speaks plain HTTP to a TLS port so, in Go's words, which some clients look for. */
export function answerPlainHttp(server: Server): void {
  // Node hands out the TLS socket, not the one below, which alone can be written to before the handshake.
  const below = new Map<string, Socket>();
  const nameOf = ({ remoteAddress, remotePort }: Socket): string => `${remoteAddress} ${remotePort}`;
  server.on('connection', (socket: Socket) => {
    const name = nameOf(socket);
    below.set(name, socket);
    socket.once('close', () => {
      if (below.get(name) === socket) below.delete(name);
    });
  });
  server.on('tlsClientError', (error: NodeJS.ErrnoException, socket: TLSSocket) => {
    const plain = error.code === 'ERR_SSL_HTTP_REQUEST' ? below.get(nameOf(socket)) : undefined;
    // No server handles this socket any more: neither its errors nor a client that never closes.
    plain
      ?.on('error', () => plain.destroy())
      .setTimeout(lingerMs, () => plain.destroy())
      .end(plainAnswer);
  });
}
