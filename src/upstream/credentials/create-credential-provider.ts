import type { Clock } from '../../base/clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { CredentialProvider } from '../auth/credentials.ts';
import type { CredentialSource } from './credential-source.ts';
import { DockerConfigProvider } from './docker-config-provider.ts';
import { helperProgram } from './helper-program.ts';
import { HelperProvider } from './helper-provider.ts';

/**
 * The provider for `source`. Reads and runs nothing before it is asked.
 * @throws {CredentialError} when `source` names no program that may be a helper
 */
export function createCredentialProvider(
  source: CredentialSource,
  { clock, logger }: { readonly clock: Clock; readonly logger: Logger },
): CredentialProvider {
  switch (source.kind) {
    case 'static': {
      const { username, password } = source;
      return { get: () => Promise.resolve({ username, password }) };
    }
    case 'docker-config':
      return new DockerConfigProvider({ ...source, clock, logger });
    case 'helper':
      return new HelperProvider({
        helper: helperProgram(source.program, clock),
        lifetimeMs: source.lifetimeMs,
        clock,
        logger,
      });
  }
}
