import { command } from './command.ts';

/** What skopeo says of an image. */
export interface SkopeoInspection {
  readonly Digest: string;
  readonly Layers: readonly string[];
}

/** `docker://HOST:PORT/NAME`, as skopeo names what a registry at that URL holds. */
export function skopeoReference(registryUrl: string, image: string): string {
  return `docker://${new URL(registryUrl).host}/${image}`;
}

/**
 * `options` are of `skopeo inspect`; without any, certificates are not looked at. Rejects with CommandError.
 */
export async function skopeoInspect(
  reference: string,
  ...options: readonly string[]
): Promise<SkopeoInspection> {
  const given = options.length === 0 ? ['--tls-verify=false'] : options;
  const printed = await command('skopeo', ['inspect', ...given, reference]);
  return JSON.parse(printed) as SkopeoInspection;
}

/**
 * Copies an image out of a registry; fails if a digest would change on the way. Rejects with CommandError.
 */
export async function skopeoCopy(
  reference: string,
  destination: string,
  ...options: readonly string[]
): Promise<void> {
  const policy = ['--insecure-policy', '--src-tls-verify=false', '--preserve-digests'];
  await command('skopeo', ['copy', ...policy, ...options, reference, destination]);
}
