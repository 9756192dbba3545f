import { readFile, stat } from 'node:fs/promises';
import { CredentialError, systemCode } from './credential-error.ts';
import { DockerConfig } from './docker-config.ts';

const maxBytes = 1024 * 1024;

/** A file of Docker's, read again whenever it has changed, so that `docker login` and `docker logout` take effect at once. */
export class DockerConfigFile {
  readonly #path: string;
  #known: { readonly version: string; readonly config: DockerConfig } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * What the file says now; undefined while there is none.
   * @throws {CredentialError} when it cannot be read, or is no configuration of Docker's
   */
  async current(): Promise<DockerConfig | undefined> {
    try {
      // Before the text: were the file to change in between, the next request reads it again.
      const { ino, size, mtimeNs, ctimeNs } = await stat(this.#path, { bigint: true });
      const version = [ino, size, mtimeNs, ctimeNs].join(' ');
      if (this.#known?.version === version) return this.#known.config;
      if (size > maxBytes) throw new CredentialError(`${this.#path} is longer than ${maxBytes / 1024} KiB`);
      const config = new DockerConfig(this.#path, await readFile(this.#path, 'utf8'));
      this.#known = { version, config };
      return config;
    } catch (error) {
      if (error instanceof CredentialError) throw error;
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw new CredentialError(`${this.#path} cannot be read (${code})`, { cause: error });
    }
  }
}
