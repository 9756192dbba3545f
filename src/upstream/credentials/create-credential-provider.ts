import type { Clock } from '../../clock.ts';
import type { Logger } from '../../telemetry/log.ts';
import type { CredentialProvider } from '../auth/credentials.ts';
import type { CredentialSource } from './credential-source.ts';

export interface CredentialProviderOptions {
  readonly clock: Clock;
  readonly logger: Logger;
}

/** The provider of what `source` holds. Reads and runs nothing yet. */
export function createCredentialProvider(
  source: CredentialSource,
  _options: CredentialProviderOptions,
): CredentialProvider {
  switch (source.kind) {
    case 'static': {
      const { username, password } = source;
      return { get: () => Promise.resolve({ username, password }) };
    }
    case 'docker-config':
    case 'helper':
      return { get: () => Promise.reject(new Error(`${source.kind}: cannot be read yet`)) };
  }
}
