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
