import { RegistryError, registryErrors } from '../../oci/error.ts';
import type { Exchange } from '../exchange.ts';
import type { HeaderList } from '../reply.ts';
import type { Reception } from './reception.ts';

const words = {
  /** An address without logins beside one where clients log in. */
  public: {
    hidden: 'no such image, or a private one: log in at the login address of this mirror, and pull it there',
    login: 'this needs a login: log in at the login address of this mirror, and pull there',
  },
  /** The mirror has no logins at all. */
  none: {
    hidden:
      'no such image, or a private one, which this mirror does not serve: pull it from the registry itself',
    login: 'this needs a login, and this mirror has none: pull from the registry itself',
  },
} as const;

/**
 * Where clients cannot log in. A 401 would need a challenge (RFC 9110, section 15.5.2), so that words say what to do: the
 * same ones for what is private and for what does not exist.
 */
export class NoLogins implements Reception {
  readonly #words: (typeof words)[keyof typeof words];

  constructor(where: keyof typeof words) {
    this.#words = words[where];
  }

  errorFor(_exchange: Exchange, error: RegistryError): RegistryError {
    const { code, status, detail, hidden } = error;
    if (status === 401) return registryErrors.denied(this.#words.login, { cause: error });
    return hidden ? new RegistryError(code, status, this.#words.hidden, { detail, cause: error }) : error;
  }

  challenges(): HeaderList {
    return [];
  }
}
