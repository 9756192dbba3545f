import { mainFile } from '../files/local-file.ts';
import type { Guide } from '../guide.ts';
import type { MirrorAddress } from '../mirror-address.ts';
import { authorityFile } from './authority.ts';
import { sampleImage } from './image-name.ts';
import { certificateNote } from './notes.ts';

const authority = '/etc/buildkit/entrepot-ca.crt';

export function buildkit(mirror: MirrorAddress): Guide {
  const { origin, login } = mirror;
  return {
    files: [
      mainFile({
        path: '/etc/buildkit/buildkitd.toml',
        kind: 'block',
        text: buildkitdToml(mirror, authority),
      }),
      ...authorityFile(mirror, authority),
    ],
    commands: [
      "systemctl restart buildkit   # a buildkitd of one's own",
      'docker buildx create --use --driver docker-container --buildkitd-config /etc/buildkit/buildkitd.toml',
      `printf 'FROM ${sampleImage(mirror)}\\n' | docker buildx build -`,
    ],
    notes: [
      "The builder inside dockerd (docker build without buildx create) goes by dockerd's daemon.json: entrepot setup docker.",
      'A builder keeps the configuration that it was created with: create it anew after a change.',
      login !== 'none' &&
        `docker login ${origin.authority} on the machine that starts the build is all that BuildKit needs.`,
      certificateNote(
        mirror,
        `buildkitd.toml, as [[registry."${origin.authority}".keypair]] with key and cert`,
      ),
    ],
  };
}

/** See https://github.com/moby/buildkit/blob/master/docs/buildkitd.toml.md */
export function buildkitdToml({ origin, upstreams, ca }: MirrorAddress, authorityPath: string): string {
  const tables = upstreams.map(({ name }) => `[registry."${name}"]\n  mirrors = ["${origin.authority}"]\n`);
  // Said also where it is false: BuildKit takes whatever is on its own machine for plain HTTP.
  const trust = ca === undefined ? '' : `  ca = ["${authorityPath}"]\n`;
  tables.push(`[registry."${origin.authority}"]\n  http = ${!origin.secure}\n${trust}`);
  return tables.join('\n');
}
