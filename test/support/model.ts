import { mediaTypes } from '../../src/oci/media-type.ts';
import { content, descriptor, noise, type Content } from './image.ts';

/**
 * A model as registries keep it: a manifest of layers that are files, each of a type of its own, and none
 * unpacked.
 */
export interface Model extends Content {
  readonly config: Content;
  /** The weights first. */
  readonly layers: readonly Content[];
}

/** A model as Ollama's registry has it; the config has the type of an image's. */
export function makeOllamaModel(weights: number): Model {
  const config = { model_format: 'gguf', model_family: 'llama', architecture: 'amd64', os: 'linux' };
  return assemble({
    mediaType: mediaTypes.dockerManifest,
    config: content(Buffer.from(JSON.stringify(config)), 'application/vnd.docker.container.image.v1+json'),
    layers: [
      content(noise(weights, 'ollama'), 'application/vnd.ollama.image.model'),
      content(Buffer.from('{{ .Prompt }}'), 'application/vnd.ollama.image.template'),
      content(noise(12_000, 'license'), 'application/vnd.ollama.image.license'),
      content(Buffer.from('{"stop":["<|eot_id|>"]}'), 'application/vnd.ollama.image.params'),
    ],
  });
}

/** A model as Docker Hub has it in `ai/`. */
export function makeDockerModel(weights: number): Model {
  const config = { config: { format: 'gguf', size: '1 KB' }, rootfs: { type: 'rootfs', diff_ids: [] } };
  return assemble({
    mediaType: mediaTypes.ociManifest,
    config: content(Buffer.from(JSON.stringify(config)), 'application/vnd.docker.ai.model.config.v0.1+json'),
    layers: [
      content(noise(weights, 'docker'), 'application/vnd.docker.ai.gguf.v3'),
      content(noise(12_000, 'license'), 'application/vnd.docker.ai.license'),
    ],
  });
}

/** A model as the CNCF's ModelPack has it, which RamaLama takes by itself. */
export function makeModelPack(weights: number): Model {
  return assemble({
    mediaType: mediaTypes.ociManifest,
    artifactType: 'application/vnd.cncf.model.manifest.v1+json',
    config: content(
      Buffer.from('{"modelfs":{"type":"layers"}}'),
      'application/vnd.cncf.model.config.v1+json',
    ),
    layers: [content(noise(weights, 'cncf'), 'application/vnd.cncf.model.weight.v1.raw')],
  });
}

function assemble(parts: {
  readonly mediaType: string;
  readonly artifactType?: string;
  readonly config: Content;
  readonly layers: readonly Content[];
}): Model {
  const { mediaType, artifactType, config, layers } = parts;
  const manifest = {
    schemaVersion: 2,
    mediaType,
    artifactType,
    config: descriptor(config),
    layers: layers.map(descriptor),
  };
  return { ...content(Buffer.from(JSON.stringify(manifest)), mediaType), config, layers };
}
