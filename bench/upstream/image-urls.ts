import type { Descriptor } from '../../src/oci/manifest.ts';

/** An image that the upstream has. */
export interface BenchImage {
  readonly repository: string;
  readonly manifest: Descriptor;
  /** The config first, then the layers. */
  readonly blobs: readonly Descriptor[];
}

export function manifestUrl(base: URL, image: BenchImage, reference = 'latest'): URL {
  return new URL(`/v2/${image.repository}/manifests/${reference}`, base);
}

export function blobUrl(base: URL, image: BenchImage, { digest }: Descriptor): URL {
  return new URL(`/v2/${image.repository}/blobs/${digest}`, base);
}
