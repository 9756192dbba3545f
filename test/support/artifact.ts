import type { Descriptor } from '../../src/oci/manifest.ts';
import { mediaTypes } from '../../src/oci/media-type.ts';
import { content, descriptor, type Content } from './image.ts';

/** Something in a registry that is no image: its manifest, and all blobs that the manifest names. */
export interface Artifact extends Content {
  readonly blobs: readonly Content[];
}

export interface ArtifactOptions {
  readonly artifactType?: string;
  /** The config's type; that of the empty config if not given. */
  readonly configType?: string;
  readonly layerType?: string;
  /** What is in its one layer. */
  readonly text?: string;
  readonly subject?: Descriptor;
  readonly annotations?: Readonly<Record<string, string>>;
}

const emptyConfig = 'application/vnd.oci.empty.v1+json';

/** An artifact in an OCI image manifest, as ORAS, cosign and Helm write them. */
export function makeArtifact(options: ArtifactOptions = {}): Artifact {
  const { artifactType, configType = emptyConfig, layerType = 'text/plain', text = 'hello' } = options;
  const config = content(Buffer.from(configType === emptyConfig ? '{}' : `{"of":"${text}"}`), configType);
  const layer = content(Buffer.from(text), layerType);
  return written(
    mediaTypes.ociManifest,
    { artifactType, config: descriptor(config), layers: [descriptor(layer)] },
    options,
    [config, layer],
  );
}

/** The manifest type that OCI 1.1 had until its release candidates, which has no config. */
export function makeDeprecatedArtifact(options: ArtifactOptions = {}): Artifact {
  const { artifactType, layerType = 'text/plain', text = 'hello' } = options;
  const blob = content(Buffer.from(text), layerType);
  return written(mediaTypes.ociArtifact, { artifactType, blobs: [descriptor(blob)] }, options, [blob]);
}

/** An OCI index of anything, such as one that is tagged after its subject. */
export function makeArtifactIndex(
  manifests: readonly Descriptor[],
  options: Pick<ArtifactOptions, 'artifactType' | 'subject' | 'annotations'> = {},
): Artifact {
  const { artifactType } = options;
  return written(mediaTypes.ociIndex, { artifactType, manifests }, options, []);
}

function written(
  mediaType: string,
  fields: object,
  { subject, annotations }: Pick<ArtifactOptions, 'subject' | 'annotations'>,
  blobs: readonly Content[],
): Artifact {
  const manifest = {
    schemaVersion: 2,
    mediaType,
    ...fields,
    subject: subject === undefined ? undefined : descriptor(subject),
    annotations,
  };
  return { ...content(Buffer.from(JSON.stringify(manifest, undefined, 2)), mediaType), blobs };
}
