import { errors, jwtVerify, type JWTPayload } from 'jose';
import type { Clock } from '../../base/clock.ts';
import { anonymous, type Reader } from '../../mirror/access/reader.ts';
import { challenge, type AuthScheme, type ChallengeSubject, type Groups, type Login } from './auth-scheme.ts';
import type { TokenKeys } from './token-keys.ts';

interface BearerSchemeDeps {
  /** Where clients get their tokens. */
  readonly realm: URL;
  /** What this mirror is called there, and must be in a token's `aud`. */
  readonly service: string;
  /** Must be a token's `iss`. */
  readonly issuer: string;
  readonly keys: TokenKeys;
  /** JOSE algorithms that are taken; empty for all below. */
  readonly algorithms: readonly string[];
  readonly groups: Groups;
  readonly clock: Clock;
}

/** Signatures of a private key only: a secret that the mirror would share could also issue tokens. */
const safeAlgorithms = 'ES256 ES384 ES512 RS256 RS384 RS512 PS256 PS384 PS512 Ed25519 EdDSA'.split(' ');

/** How far clocks may be apart, in seconds, as in registry:2. */
const leeway = 60;

const invalid: Login = { reader: anonymous, outcome: 'invalid' };

/**
 * Tokens of an existing token service, as registry:2's `auth.token` takes them.
 * @see https://distribution.github.io/distribution/spec/auth/jwt/
 */
export class BearerScheme implements AuthScheme {
  readonly name = 'bearer';
  readonly #deps: BearerSchemeDeps;
  readonly #algorithms: string[];

  constructor(deps: BearerSchemeDeps) {
    this.#deps = deps;
    const wanted = new Set(deps.algorithms);
    this.#algorithms = safeAlgorithms.filter((name) => wanted.size === 0 || wanted.has(name));
  }

  async login(token: string): Promise<Login> {
    const { keys, issuer, service, clock } = this.#deps;
    const now = clock.now();
    try {
      const { payload } = await jwtVerify(
        token,
        (header) => {
          const key = keys.find(header, now);
          if (key === undefined) throw new errors.JWKSNoMatchingKey();
          return key;
        },
        {
          issuer,
          audience: service,
          algorithms: this.#algorithms,
          requiredClaims: ['exp'],
          clockTolerance: leeway,
          currentDate: new Date(now),
        },
      );
      // Nothing checks its type before: a number would be taken along as a user's name.
      const sub: unknown = payload.sub ?? '';
      if (typeof sub !== 'string') return invalid;
      return { reader: this.#reader(sub, payload), outcome: 'accepted' };
    } catch (error) {
      // A key of another kind than the header's algorithm is a TypeError of jose's.
      if (error instanceof errors.JOSEError || error instanceof TypeError) return invalid;
      throw error;
    }
  }

  challenge({ scope, error }: ChallengeSubject): string {
    const { realm, service } = this.#deps;
    return challenge('Bearer', { realm: realm.href, service, scope, error });
  }

  /** @param user empty for an anonymous one */
  #reader(user: string, payload: JWTPayload): Reader {
    const access = payload['access'];
    const grants = { repositories: granted(access, 'pull'), deletable: granted(access, 'delete') };
    return user === ''
      ? { ...anonymous, ...grants }
      : { ...anonymous, user, groups: this.#deps.groups.get(user) ?? [], ...grants };
  }
}

/** Names of the repositories that an `access` claim grants an action on. */
function granted(access: unknown, wanted: 'pull' | 'delete'): ReadonlySet<string> {
  const entries = Array.isArray(access) ? (access as readonly (AccessEntry | null)[]) : [];
  return new Set(
    entries.flatMap((entry) => {
      const { type, name, actions } = entry ?? {};
      if (type !== 'repository' || typeof name !== 'string' || !Array.isArray(actions)) return [];
      return actions.includes(wanted) || actions.includes('*') ? [name] : [];
    }),
  );
}

/** What an entry should be: nothing is known of it yet. */
interface AccessEntry {
  readonly type?: unknown;
  readonly name?: unknown;
  readonly actions?: unknown;
}
