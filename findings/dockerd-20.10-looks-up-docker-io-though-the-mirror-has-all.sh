#!/usr/bin/env bash
# dockerd 20.10 looks up the address of docker.io for every pull, although it gets the whole image from its
# registry-mirror and never connects there: to compare it with the networks of allow-nondistributable-artifacts, of which
# there are none, and which matter to pushes only. Where nothing answers such questions, every pull takes ten seconds
# more. With "docker.io" itself in that list nothing is looked up.
#
# Seen:   dockerd 20.10.24+dfsg1-1+deb12u1+b6 (Debian 12, amd64), containerd 1.6.20, runc 1.1.5
# Needs:  Debian 12, root, apt-get, node, unshare. Takes half a minute; runs in a network of its own.
set -euo pipefail

if [ "${1:-}" != inside ]; then
  folder=$(mktemp -d)
  trap 'rm -rf "$folder"' EXIT
  cd "$folder"
  apt-get download -q 'docker.io=20.10.24+dfsg1-1+deb12u1+b6' 'containerd=1.6.20~ds1-1+deb12u3' \
    'runc=1.1.5+ds1-1+deb12u1' >/dev/null 2>&1
  for package in *.deb; do dpkg-deb -x "$package" root; done
  # A name server and a mirror of its own, and no way out.
  unshare --net --mount -- bash "$(cd "$OLDPWD" && realpath "$0")" inside
  exit
fi

PATH="$PWD/root/usr/sbin:$PWD/root/usr/bin:$PATH"
dockerd --version
ip link set lo up
printf 'nameserver 127.0.0.1\n' >resolv.conf
mount --bind resolv.conf "$(realpath /etc/resolv.conf)"

# A mirror with one image, and a name server that writes down what it is asked and does not answer.
cat >servers.mjs <<'END'
import { createHash } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { appendFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { gzipSync } from 'node:zlib';
const digest = (bytes) => `sha256:${createHash('sha256').update(bytes).digest('hex')}`;
const tar = Buffer.alloc(1024);
const layer = gzipSync(tar);
const type = 'application/vnd.docker.distribution.manifest.v2+json';
const config = Buffer.from(
  JSON.stringify({ architecture: 'amd64', os: 'linux', rootfs: { type: 'layers', diff_ids: [digest(tar)] }, history: [{}] }),
);
const part = (mediaType, bytes) => ({ mediaType, size: bytes.length, digest: digest(bytes) });
const manifest = Buffer.from(
  JSON.stringify({
    schemaVersion: 2,
    mediaType: type,
    config: part('application/vnd.docker.container.image.v1+json', config),
    layers: [part('application/vnd.docker.image.rootfs.diff.tar.gzip', layer)],
  }),
);
const blobs = new Map([config, layer].map((bytes) => [digest(bytes), bytes]));
createServer(({ url }, response) => {
  const blob = blobs.get(url.split('/').pop());
  if (url.includes('/manifests/')) {
    response.setHeader('content-type', type).setHeader('docker-content-digest', digest(manifest));
    response.setHeader('content-length', manifest.length).end(manifest);
  } else response.writeHead(url === '/v2/' || blob !== undefined ? 200 : 404).end(blob);
}).listen(5000, '127.0.0.1', () => writeFileSync('ready', ''));
createSocket('udp4')
  .on('message', (question) => {
    const labels = [];
    for (let at = 12; question[at] !== 0; at += question[at] + 1)
      labels.push(question.subarray(at + 1, at + 1 + question[at]).toString());
    appendFileSync('asked', `${labels.join('.')}\n`);
  })
  .bind(53, '127.0.0.1');
END
node servers.mjs & servers=$!
for _ in $(seq 100); do [ -e ready ] && break; sleep 0.1; done

# pull SETTINGS: what is looked up for a pull, and how long that takes.
pull() {
  rm -rf data exec; : >asked
  dockerd --data-root="$PWD/data" --exec-root="$PWD/exec" --pidfile="$PWD/pid" --host="unix://$PWD/docker.sock" \
    --bridge=none --iptables=false --ip-forward=false --storage-driver=vfs \
    --registry-mirror=http://127.0.0.1:5000 "$@" >dockerd.log 2>&1 &
  daemon=$!
  for _ in $(seq 300); do docker -H "unix://$PWD/docker.sock" version >/dev/null 2>&1 && break; sleep 0.1; done
  : >asked
  local since=$SECONDS
  docker -H "unix://$PWD/docker.sock" pull --quiet hello:1 >/dev/null
  printf '%s in %s s' "$(sort -u asked | tr '\n' ' ')" "$((SECONDS - since))"
  kill "$daemon"; wait "$daemon" 2>/dev/null || true
}

plain=$(pull)
named=$(pull --allow-nondistributable-artifacts=docker.io)
kill "$servers"
printf 'looked up for a pull:            %s\nwith docker.io in the list:     %s\n' "$plain" "$named"
case $plain in 'docker.io '*) ;; *) echo 'CHANGED: docker.io was to be looked up'; exit 1 ;; esac
case $named in ' in '*) ;; *) echo 'CHANGED: nothing was to be looked up'; exit 1 ;; esac
echo 'as described'
