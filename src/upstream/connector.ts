import { isIPv6 } from 'node:net';
import { buildConnector } from 'undici';
import { isUnchecked, type AddressGuard, type Standing } from './address-guard.ts';
import { onePiece, type ReceiveBuffers } from './receive-buffers.ts';

export interface ConnectorOptions {
  readonly guard: AddressGuard;
  /** Milliseconds, TLS included. */
  readonly timeoutMs: number;
  /** Certificate authorities in PEM form, in place of the usual ones; undefined for these. */
  readonly ca: readonly string[] | undefined;
  /** Certificates of hosts that the operator named are not checked. */
  readonly insecure: boolean;
  /** What connections that bring much receive into; undefined for the others. */
  readonly receive: ReceiveBuffers | undefined;
}

/** Connects to upstreams and the hosts they point to, as far as the guard lets it. */
export function guardedConnector({
  guard,
  timeoutMs,
  ca,
  insecure,
  receive,
}: ConnectorOptions): buildConnector.connector {
  const connectorTo = (standing: Standing): buildConnector.connector =>
    buildConnector({
      timeout: timeoutMs,
      allowH2: false,
      lookup: guard.lookup(standing),
      rejectUnauthorized: !isUnchecked(standing, insecure),
      ...(ca === undefined ? {} : { ca: [...ca] }),
      ...(receive === undefined ? {} : { onread: receive.onread(), highWaterMark: onePiece }),
    });
  const connectors: Readonly<Record<Standing, buildConnector.connector>> = {
    upstream: connectorTo('upstream'),
    redirect: connectorTo('redirect'),
    stranger: connectorTo('stranger'),
  };
  return (options, callback) => {
    const { protocol, hostname, port } = options;
    const url = new URL(`${protocol}//${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`);
    connectors[guard.standing(url)](options, (...[error, socket]) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      if (protocol === 'https:' && !insecure) guard.proved(url, socket.remoteAddress ?? '');
      callback(null, socket);
    });
  };
}
