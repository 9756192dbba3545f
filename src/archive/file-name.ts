import { createHash } from 'node:crypto';

/** Names of devices, which Windows takes for those whatever follows the dot. */
const device = /^(?:con|prn|aux|nul|com\d|lpt\d)(?=\.|$)/i;

/** The longest name, in characters, that leaves room for endings in the 255 of most file systems. */
const maxLength = 200;

/**
 * What a file with an image is called: `docker.io_library_node_18`, or `docker.io_library_node_18@linux-amd64`. It fits FAT
 * and Windows, and two images have two names, but for the case of tags.
 *
 * @param image full name, with tag or digest
 * @param variant of several files of the image: its platform, or what else is in it
 */
export function archiveName(image: string, variant?: string): string {
  const at = variant === undefined ? '' : `@${variant.replaceAll('/', '-')}`;
  const slash = image.indexOf('/');
  const host = image.slice(0, slash).replaceAll(':', '+');
  const path = image
    .slice(slash + 1)
    .replaceAll('_', '__')
    .replace(/^([^@]*):(?=[^/@]+(?:@|$))/, '$1/')
    .replaceAll(':', '-')
    .replaceAll('/', '_');
  const name = `${host}_${path}${at}`.replace(device, '_$&');
  if (name.length <= maxLength) return name;
  const hash = createHash('sha256').update(name).digest('hex').slice(0, 16);
  return `${name.slice(0, maxLength - hash.length - 1)}~${hash}`;
}
