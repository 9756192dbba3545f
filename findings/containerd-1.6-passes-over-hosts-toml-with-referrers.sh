#!/usr/bin/env bash
# containerd 1.6 passes over a whole hosts.toml that names a capability which it does not know, and asks the registry
# itself: an error line in the log, but the pull goes on. Newer clients (containerd 2.2, Docker 29.1) need exactly
# that word, "referrers", or they ask the registry itself for referrers: no one file suits both.
#
# Seen:   containerd 1.6.20~ds1-1+deb12u3 (Debian 12, amd64), `ctr content fetch --hosts-dir`
# With    capabilities = ["pull", "resolve"]               the mirror is asked, then the registry
# With    capabilities = ["pull", "resolve", "referrers"]  'failed to decode hosts.toml" error="unknown capability
#         referrers"', then only the registry is asked
# Needs:  Debian 12, root, apt-get, node. Takes a few seconds; listens on 127.0.0.1 only.
set -euo pipefail

version='1.6.20~ds1-1+deb12u3'
folder=$(mktemp -d)
servers=''
daemon=''
cleanup() {
  if [ -n "$daemon" ]; then kill "$daemon" 2>/dev/null || true; wait "$daemon" 2>/dev/null || true; fi
  if [ -n "$servers" ]; then kill "$servers" 2>/dev/null || true; fi
  rm -rf "$folder"
}
trap cleanup EXIT
cd "$folder"

apt-get download -q "containerd=$version" >/dev/null 2>&1
dpkg-deb -x containerd_*.deb root
PATH="$folder/root/usr/bin:$PATH"
containerd --version

# Two registries that know nothing, and write down who asked.
cat >servers.mjs <<'END'
import { createServer } from 'node:http';
import { appendFileSync, writeFileSync } from 'node:fs';
const ports = [];
for (const name of ['registry', 'mirror']) {
  const server = createServer((request, response) => {
    appendFileSync('asked', `${name}\n`);
    response.writeHead(404, { 'content-length': 0 }).end();
  });
  await new Promise((resolve) => server.listen(0, '127.0.0.1', resolve));
  ports.push(server.address().port);
}
writeFileSync('ports', `${ports.join(' ')}\n`);
END
node servers.mjs & servers=$!
for _ in $(seq 100); do [ -s ports ] && break; sleep 0.1; done
read -r registry mirror <ports

cat >config.toml <<END
version = 2
root = "$folder/data"
state = "$folder/state"
[grpc]
  address = "$folder/containerd.sock"
[ttrpc]
  address = "$folder/ttrpc.sock"
END
containerd -c config.toml >containerd.log 2>&1 & daemon=$!
for _ in $(seq 300); do [ -S containerd.sock ] && break; sleep 0.1; done

# pull CAPABILITIES: who was asked for an image of the registry, by name.
pull() {
  mkdir -p "hosts/127.0.0.1:$registry"
  printf 'server = "http://127.0.0.1:%s"\n[host."http://127.0.0.1:%s"]\n  capabilities = [%s]\n' \
    "$registry" "$mirror" "$1" >"hosts/127.0.0.1:$registry/hosts.toml"
  : >asked
  timeout 60 ctr -a containerd.sock content fetch --hosts-dir hosts "127.0.0.1:$registry/library/hello:1" \
    >ctr.out 2>&1 || true
  sort -u asked | tr '\n' ' '
}

known=$(pull '"pull", "resolve"')
unknown=$(pull '"pull", "resolve", "referrers"')
printf 'asked without "referrers": %s\nasked with it:             %s\nctr then says:\n' "$known" "$unknown"
cat ctr.out
[ "$known" = 'mirror registry ' ] || { echo 'CHANGED: the mirror was to be asked as well'; exit 1; }
[ "$unknown" = 'registry ' ] || { echo 'CHANGED: the file was to be passed over'; exit 1; }
grep -q 'unknown capability referrers' ctr.out || { echo 'CHANGED: the word was to be named'; exit 1; }
echo 'as described'
