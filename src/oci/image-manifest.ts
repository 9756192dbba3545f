import { descriptor, descriptors, isObject, readDocument, type Descriptor } from './manifest.ts';
import { dockerImageConfig } from './media-type.ts';

/** A layer, as a manifest names it. */
export interface LayerDescriptor extends Descriptor {
  /** It has `urls`: registries need not hold it, and clients fetch it from there. */
  readonly foreign: boolean;
}

/** What the manifest of an image or an artifact names. */
export interface ImageManifest {
  readonly config: Descriptor | undefined;
  /** From the lowest. */
  readonly layers: readonly LayerDescriptor[];
}

const imageConfigs: ReadonlySet<string> = new Set([
  'application/vnd.oci.image.config.v1+json',
  dockerImageConfig,
]);

const imageLayer = /^application\/vnd\.(?:oci\.image\.layer\.|docker\.image\.rootfs\.)/;

/**
 * Reads a manifest that is no index.
 * @throws {ManifestSyntaxError} when the bytes are no JSON object or a descriptor in them is malformed
 */
export function readImageManifest(bytes: Uint8Array): ImageManifest {
  const json = readDocument(bytes);
  const config = json['config'];
  return {
    config: isObject(config) ? descriptor(config, 'config') : undefined,
    layers: [...descriptors(json, 'layers'), ...descriptors(json, 'blobs')],
  };
}

/** Whether it can run: a chart or a signature cannot, not even cosign's, which has an image's config. */
export function isRunnable({ config, layers }: ImageManifest): boolean {
  return (
    config !== undefined &&
    imageConfigs.has(config.mediaType) &&
    layers.every(({ mediaType }) => imageLayer.test(mediaType))
  );
}
