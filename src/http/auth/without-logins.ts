import { RegistryError, registryErrors } from '../../oci/error.ts';
import type { AccessErrorReply } from '../errors.ts';

const messages = {
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
 * How errors become answers where clients cannot log in. A 401 would need a challenge (RFC 9110, section
 * 15.5.2), so the message says what to do: the same one for what is private and for what does not exist.
 */
export function withoutLogins(where: keyof typeof messages): AccessErrorReply {
  const { hidden, login } = messages[where];
  return (_exchange, error) => {
    const { code, status, detail } = error;
    if (status === 401) return { error: registryErrors.denied(login, { cause: error }), headers: [] };
    if (!error.hidden) return { error, headers: [] };
    return { error: new RegistryError(code, status, hidden, { detail, cause: error }), headers: [] };
  };
}
