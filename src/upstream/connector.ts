import { isIPv6 } from 'node:net';
import type { SecureContext } from 'node:tls';
import { buildConnector } from 'undici';
import { isUnchecked, type AddressGuard, type HostTrust } from './address-guard.ts';
import { onePiece, type ReceiveBuffers } from './receive-buffers.ts';

interface ConnectorDeps {
  readonly guard: AddressGuard;
  /** Milliseconds, TLS included. */
  readonly timeoutMs: number;
  /** What certificates are checked with; undefined for connections without TLS only. */
  readonly secureContext: SecureContext | undefined;
  /** Certificates of hosts that the operator named are not checked. */
  readonly insecure: boolean;
  /** What connections that bring much receive into; undefined for the others. */
  readonly receive: ReceiveBuffers | undefined;
}

/** Connects to upstreams and the hosts they point to, as far as the guard lets it. */
export function guardedConnector({
  guard,
  timeoutMs,
  secureContext,
  insecure,
  receive,
}: ConnectorDeps): buildConnector.connector {
  const connectorTo = (trust: HostTrust): buildConnector.connector =>
    buildConnector({
      timeout: timeoutMs,
      allowH2: false,
      lookup: guard.lookup(trust),
      rejectUnauthorized: !isUnchecked(trust, insecure),
      ...(secureContext === undefined ? {} : { secureContext }),
      ...(receive === undefined ? {} : { onread: receive.onread(), highWaterMark: onePiece }),
    });
  const connectors: Readonly<Record<HostTrust, buildConnector.connector>> = {
    upstream: connectorTo('upstream'),
    redirect: connectorTo('redirect'),
    unknown: connectorTo('unknown'),
  };
  return (options, callback) => {
    const { protocol, hostname, port } = options;
    const url = new URL(`${protocol}//${isIPv6(hostname) ? `[${hostname}]` : hostname}:${port}`);
    connectors[guard.trust(url)](options, (...[error, socket]) => {
      if (error !== null) {
        callback(error, null);
        return;
      }
      if (protocol === 'https:' && !insecure) guard.proved(url, socket.remoteAddress ?? '');
      // After an alert, such as "certificate required", undici would wait for the end and report only that.
      if (protocol === 'https:') socket.once('error', (cause: Error) => socket.destroy(cause));
      callback(null, socket);
    });
  };
}
