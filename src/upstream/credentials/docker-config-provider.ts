import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { CredentialProvider, Credentials } from '../auth/credentials.ts';
import { DockerConfigFile } from './docker-config-file.ts';
import { DockerConfig } from './docker-config.ts';
import { HelperProgram } from './helper-program.ts';
import { HelperProvider } from './helper-provider.ts';

/** How long a helper's word is used. Tokens of cloud providers live from an hour (Google) to twelve (Amazon). */
const helperLifetimeMs = 60 * 60 * 1000;

export interface DockerConfigProviderOptions {
  /** An absolute path. */
  readonly file: string | undefined;
  /** Comes before the file, as `DOCKER_AUTH_CONFIG` does for Docker. */
  readonly text: string | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What `docker login` left behind: in its configuration, or with the credential helpers that this names. */
export class DockerConfigProvider implements CredentialProvider {
  readonly #file: DockerConfigFile | undefined;
  readonly #text: string | undefined;
  readonly #helpers = new Map<string, HelperProvider>();
  readonly #clock: Clock;
  readonly #logger: Logger;
  #fromText: DockerConfig | undefined;

  constructor({ file, text, clock, logger }: DockerConfigProviderOptions) {
    this.#file = file === undefined ? undefined : new DockerConfigFile(file);
    this.#text = text;
    this.#clock = clock;
    this.#logger = logger;
  }

  /** @throws {CredentialError} when what there is cannot be read, or a helper fails */
  async get(host: string): Promise<Credentials | undefined> {
    if (this.#text !== undefined) {
      this.#fromText ??= new DockerConfig('DOCKER_AUTH_CONFIG', this.#text);
      const credentials = await this.#read(this.#fromText, host);
      if (credentials !== undefined) return credentials;
    }
    const config = await this.#file?.current();
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

  #helper(name: string): HelperProvider {
    let helper = this.#helpers.get(name);
    if (helper === undefined) {
      helper = new HelperProvider({
        helper: new HelperProgram(`docker-credential-${name}`, this.#clock),
        lifetimeMs: helperLifetimeMs,
        clock: this.#clock,
        logger: this.#logger,
      });
      this.#helpers.set(name, helper);
    }
    return helper;
  }
}
