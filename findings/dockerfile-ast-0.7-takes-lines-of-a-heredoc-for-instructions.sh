#!/usr/bin/env bash
# dockerfile-ast 0.7 takes the lines of a heredoc that has a file descriptor before it (RUN 3<<EOF) for instructions of the
# Dockerfile, and a line that ends in two backslashes for one that goes on. BuildKit, whose format it is, does neither:
# what it builds from differs from what such a parser says.
#
# Seen:   dockerfile-ast 0.7.1, Node.js 20 and 24; BuildKit's dockerfile2llb 0.34.2 for comparison
# With    RUN 3<<EOF cat / FROM busybox / EOF    it has FROM busybox, BuildKit builds from alpine alone
# With    RUN a \\ / FROM busybox                it has no FROM busybox, BuildKit builds from it
# Needs:  npm, node. Takes a few seconds.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
echo '{"type":"module"}' >package.json
npm install --silent --no-audit --no-fund --ignore-scripts dockerfile-ast@0.7.1

cat >froms.mjs <<'END'
import { DockerfileParser } from 'dockerfile-ast';
const froms = (text) => DockerfileParser.parse(text).getFROMs().map((from) => from.getImage()).join(' ');
console.log('heredoc:    ', froms('FROM alpine\nRUN <<EOF cat\nFROM busybox\nEOF\n'));
console.log('descriptor: ', froms('FROM alpine\nRUN 3<<EOF cat\nFROM busybox\nEOF\n'));
console.log('backslashes:', froms('FROM alpine\nRUN a \\\\\nFROM busybox\n'));
END
node froms.mjs | tee seen
cat >expected <<'END'
heredoc:     alpine
descriptor:  alpine busybox
backslashes: alpine
END
cmp -s seen expected || { echo 'CHANGED: see above'; exit 1; }
echo 'as described'
