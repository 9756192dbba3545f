#!/usr/bin/env bash
# js-yaml 5 refuses a tab between the tokens of a flow collection that is a value of a block mapping ("deficient
# indentation"), though it indents nothing: YAML 1.2.2, 6.2, lets tabs separate tokens within a line. The same tab is read in
# the block mapping itself, and in a flow collection at the top. yaml 2 reads all of them, as Docker Compose does.
#
# Seen:   js-yaml 5.5.0, yaml 2.9.1, on Node.js 20 and 24
# Needs:  npm, node. Takes a few seconds; listens on nothing.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cd "$folder"
npm install --silent --no-save --ignore-scripts js-yaml@5.5.0 yaml@2.9.1 >/dev/null

cat >read.mjs <<'END'
import { load } from 'js-yaml';
import { parse } from 'yaml';

const texts = ['a:\tb', '{a:\tb}', 'a: {b: c}', 'a: {b:\tc}', 'a: [b,\tc]', 'a:\t{b: c}'];

function outcome(read) {
  try {
    return JSON.stringify(read());
  } catch (error) {
    return error.reason ?? error.message;
  }
}

for (const text of texts) {
  console.log([JSON.stringify(text), outcome(() => load(text)), outcome(() => parse(text))].join(' | '));
}
END
node read.mjs | tee seen

cat >expected <<'END'
"a:\tb" | {"a":"b"} | {"a":"b"}
"{a:\tb}" | {"a":"b"} | {"a":"b"}
"a: {b: c}" | {"a":{"b":"c"}} | {"a":{"b":"c"}}
"a: {b:\tc}" | deficient indentation | {"a":{"b":"c"}}
"a: [b,\tc]" | deficient indentation | {"a":["b","c"]}
"a:\t{b: c}" | deficient indentation | {"a":{"b":"c"}}
END
cmp -s seen expected || { echo 'CHANGED: see above'; exit 1; }
echo 'as described'
