import { mkdir, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { digestAlgorithm, digestHex, type Digest } from '../../src/oci/digest.ts';
import type { Content, Image, ImageIndex } from './image.ts';

/** A folder as registry:2 fills it, written by hand. */
export class RegistryStore {
  /** What `storage.filesystem.rootdirectory` would be. */
  readonly root: string;

  constructor(root: string) {
    this.root = root;
  }

  /** An image, or an index with all its images, with whatever belongs to it. */
  async put(name: string, tag: string | undefined, image: Image | ImageIndex): Promise<void> {
    if ('images' in image) {
      for (const one of image.images) await this.put(name, undefined, one);
    } else {
      for (const blob of [image.config, ...image.layers]) {
        await this.putBlob(blob);
        await this.link(`repositories/${name}/_layers`, blob.digest);
      }
    }
    await this.putManifest(name, tag, image);
  }

  async putManifest(name: string, tag: string | undefined, manifest: Content): Promise<void> {
    await this.putBlob(manifest);
    await this.link(`repositories/${name}/_manifests/revisions`, manifest.digest);
    if (tag === undefined) return;
    const folder = `repositories/${name}/_manifests/tags/${tag}`;
    await this.link(`${folder}/index`, manifest.digest);
    await this.write(`${folder}/current/link`, manifest.digest);
  }

  async putBlob({ digest, bytes }: Pick<Content, 'digest' | 'bytes'>): Promise<void> {
    await this.write(this.blob(digest), bytes);
  }

  /** Where a blob's bytes are, below `docker/registry/v2`. */
  blob(digest: Digest): string {
    const hex = digestHex(digest);
    return join('blobs', digestAlgorithm(digest), hex.slice(0, 2), hex, 'data');
  }

  async link(links: string, digest: Digest): Promise<void> {
    await this.write(`${links}/${digestAlgorithm(digest)}/${digestHex(digest)}/link`, digest);
  }

  /** Writes a file below `docker/registry/v2`. */
  async write(path: string, content: Uint8Array | string): Promise<void> {
    await mkdir(dirname(this.path(path)), { recursive: true });
    await writeFile(this.path(path), content);
  }

  /** An absolute path below `docker/registry/v2`. */
  path(path: string): string {
    return join(this.root, 'docker/registry/v2', path);
  }
}
