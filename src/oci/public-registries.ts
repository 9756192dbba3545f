import { dockerHub } from './docker-hub.ts';
import { parseUpstreamName, type UpstreamName } from './reference.ts';

/** The registries of most public images, Docker Hub first. All others answer at `https://` and their name. */
export const publicRegistries: readonly UpstreamName[] = [
  dockerHub,
  'ghcr.io',
  'quay.io',
  'gcr.io',
  'registry.k8s.io',
  'mcr.microsoft.com',
  'public.ecr.aws',
  'registry.gitlab.com',
  'lscr.io',
  'nvcr.io',
].flatMap((name) => parseUpstreamName(name) ?? []);

/** Whether a host is one of a well-known registry: of its name, or below it. */
export function isPublicRegistry(host: string): boolean {
  return publicRegistries.some((name) => host === name || host.endsWith(`.${name}`));
}
