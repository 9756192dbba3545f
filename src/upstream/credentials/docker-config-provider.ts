import { readFile, stat } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { getOrMake } from '../../base/get-or-make.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { CredentialProvider, Credentials } from '../auth/credentials.ts';
import { CredentialError, systemCode } from './credential-error.ts';
import { DockerConfig } from './docker-config.ts';
import { helperProgram } from './helper-program.ts';
import { HelperProvider } from './helper-provider.ts';

/** How long a helper's answer is used. Clouds' tokens live from an hour (Google) to twelve (Amazon). */
const helperLifetimeMs = 60 * 60 * 1000;

const maxFileBytes = 1024 * 1024;

interface DockerConfigProviderDeps {
  /** An absolute path. */
  readonly file: string | undefined;
  /** Comes before the file, as `DOCKER_AUTH_CONFIG` does for Docker. */
  readonly text: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/**
 * What `docker login` stored: in its configuration, or with credential helpers that this names. A changed
 * file is read again, so that `docker login` and `docker logout` take effect at once.
 */
export class DockerConfigProvider implements CredentialProvider {
  readonly #deps: DockerConfigProviderDeps;
  readonly #helpers = new Map<string, HelperProvider>();
  #fromText: DockerConfig | undefined;
  #fromFile: { readonly version: string; readonly config: DockerConfig } | undefined;

  constructor(deps: DockerConfigProviderDeps) {
    this.#deps = deps;
  }

  /** @throws {CredentialError} when what there is cannot be read, or a helper fails */
  async get(host: string): Promise<Credentials | undefined> {
    const { text, file } = this.#deps;
    if (text !== undefined) {
      this.#fromText ??= new DockerConfig('DOCKER_AUTH_CONFIG', text);
      const credentials = await this.#read(this.#fromText, host);
      if (credentials !== undefined) return credentials;
    }
    const config = file === undefined ? undefined : await this.#readFile(file);
    return config === undefined ? undefined : this.#read(config, host);
  }

  refused(host: string): void {
    for (const helper of this.#helpers.values()) helper.refused(host);
  }

  async #read(config: DockerConfig, host: string): Promise<Credentials | undefined> {
    const name = config.helper(host);
    const fromHelper = name === undefined ? undefined : await this.#helper(name).get(host);
    return fromHelper ?? config.credentials(host);
  }

  /** Undefined while there is no such file. */
  async #readFile(path: string): Promise<DockerConfig | undefined> {
    try {
      // Before the text: were the file to change in between, the next request reads it again.
      const { ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
      const version = [ino, size, mtimeNs, ctimeNs].join(' ');
      if (this.#fromFile?.version === version) return this.#fromFile.config;
      if (size > maxFileBytes) throw new CredentialError(`${path} is longer than ${maxFileBytes / 1024} KiB`);
      const config = new DockerConfig(path, await readFile(path, 'utf8'));
      this.#fromFile = { version, config };
      return config;
    } catch (error) {
      if (error instanceof CredentialError) throw error;
      const code = systemCode(error);
      if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
      throw new CredentialError(`${path} cannot be read (${code})`, { cause: error });
    }
  }

  #helper(name: string): HelperProvider {
    const { clock, logger } = this.#deps;
    return getOrMake(this.#helpers, name, () => {
      const helper = helperProgram(`docker-credential-${name}`, clock);
      return new HelperProvider({ helper, lifetimeMs: helperLifetimeMs, clock, logger });
    });
  }
}
