import { opendir, realpath, stat } from 'node:fs/promises';
import { isAbsolute, join } from 'node:path';
import { digestAlgorithm, digestHex, type Digest } from '../../../oci/digest.ts';
import { parseRepositoryName } from '../../../oci/reference.ts';
import { errnoOf } from '../../../store/file-error.ts';
import { CareError } from '../care-error.ts';
import { entriesOf, printable } from './plain-path.ts';
import { RepositoryFolder, type Skip } from './repository-folder.ts';

/** From the given folder down to the one with `blobs` and `repositories`. */
const storePaths = ['docker/registry/v2', 'registry/v2', 'v2', '.'];

/**
 * What registry:2 has stored in a folder. Read-only; the registry may be running.
 * @see https://github.com/distribution/distribution/blob/main/registry/storage/paths.go
 */
export class RegistryFolder {
  readonly #root: string;

  private constructor(root: string) {
    this.#root = root;
  }

  /**
   * @param folder the root of the store, or `docker`, `docker/registry` or `docker/registry/v2` in it
   * @throws {CareError} when there is no such store, or it cannot be read
   */
  static async open(folder: string): Promise<RegistryFolder> {
    if (!isAbsolute(folder)) throw new CareError('invalid', `${printable(folder)} is no absolute path`);
    try {
      for (const path of storePaths) {
        const root = join(folder, path);
        // Symbolic links down to here are the operator's own.
        if (await isFolder(join(root, 'repositories'))) return new RegistryFolder(await readable(root));
      }
    } catch (cause) {
      const errno = errnoOf(cause) ?? 'unknown error';
      throw new CareError('failed', `${printable(folder)} cannot be read (${errno})`, { cause });
    }
    throw new CareError(
      'not-found',
      `${printable(folder)} is no store of registry:2: there is no ${storePaths[0]}/repositories in it`,
    );
  }

  /** Where the bytes of a blob or manifest are, if they are there. */
  blobPath(digest: Digest): string {
    const hex = digestHex(digest);
    return join(this.#root, 'blobs', digestAlgorithm(digest), hex.slice(0, 2), hex, 'data');
  }

  /** All repositories, in no order; names may have any number of parts. */
  async *repositories(skip: Skip): AsyncGenerator<RepositoryFolder> {
    const waiting = [''];
    for (let parent = waiting.pop(); parent !== undefined; parent = waiting.pop()) {
      const folder = join(this.#root, 'repositories', parent);
      let isRepository = false;
      for await (const entry of entriesOf(folder)) {
        if ('reason' in entry) {
          skip(`repositories/${parent}`, entry.reason);
          continue;
        }
        const path = parent === '' ? entry.name : `${parent}/${entry.name}`;
        if (entry.isSymbolicLink()) skip(printable(path), 'is a symbolic link, which is not followed');
        else if (!entry.isDirectory()) skip(printable(path), 'is no folder');
        else if (entry.name === '_manifests') isRepository = true;
        else if (parseRepositoryName(path) !== undefined) waiting.push(path);
        else if (!ownFolders.has(entry.name)) skip(printable(path), 'is no name of a repository');
      }
      const name = parseRepositoryName(parent);
      if (name !== undefined && isRepository) yield new RepositoryFolder(folder, name);
    }
  }
}

/** Folders of registry:2 inside a repository. */
const ownFolders: ReadonlySet<string> = new Set(['_layers', '_uploads']);

async function isFolder(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    if (errnoOf(error) === 'ENOENT' || errnoOf(error) === 'ENOTDIR') return false;
    throw error;
  }
}

/** The real path of a folder, once it has been read. */
async function readable(folder: string): Promise<string> {
  const root = await realpath(folder);
  await (await opendir(join(root, 'repositories'))).close();
  return root;
}
