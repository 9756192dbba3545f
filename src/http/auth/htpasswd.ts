import { AuthFileError } from './auth-file-error.ts';

/** Hashes by user. */
export type Accounts = ReadonlyMap<string, string>;

const bcryptHash = /^\$2[aby]?\$(\d\d)\$[./A-Za-z0-9]{53}$/;

/** htpasswd's own limit: a login then takes several seconds. */
const maxCost = 17;

const otherFormats: readonly (readonly [RegExp, string])[] = [
  [/^\$apr1\$/, "Apache's MD5"],
  [/^\{SHA\}/, 'SHA-1'],
  [/^\$1\$/, 'MD5'],
  [/^\$5\$/, 'SHA-256'],
  [/^\$6\$/, 'SHA-512'],
  [/^\$y\$/, 'yescrypt'],
  [/^\$argon2/, 'Argon2'],
];

/**
 * The accounts in a password file as registry:2 reads it: `NAME:HASH` lines, bcrypt only, without empty lines
 * and comments (`#`). Of several lines of one name, the last counts.
 * @throws {AuthFileError} for a line that is something else
 */
export function parseHtpasswd(text: string, file: string): Accounts {
  const accounts = new Map<string, string>();
  for (const [index, line] of text.split('\n').entries()) {
    const entry = line.trim();
    if (entry === '' || entry.startsWith('#')) continue;
    const where = `${file}, line ${index + 1}:`;
    const colon = entry.indexOf(':');
    if (colon < 1) throw unusable(`${where} expected NAME:HASH`);
    const name = entry.slice(0, colon);
    accounts.set(name, checkedHash(entry.slice(colon + 1), name, where, file));
  }
  return accounts;
}

/** The cost of a hash that {@link parseHtpasswd} took: 2 to the power of this many rounds. */
export function costOf(hash: string): number {
  return Number(bcryptHash.exec(hash)?.[1]);
}

function checkedHash(hash: string, name: string, where: string, file: string): string {
  const advice = `set it anew with: htpasswd -B ${file} ${name}`;
  const cost = costOf(hash);
  if (cost >= 4 && cost <= maxCost) return hash;
  if (cost > maxCost) {
    throw unusable(
      `${where} the password of ${name} has a bcrypt cost of ${cost}, which takes minutes to check; ${advice}`,
    );
  }
  const [, format] = otherFormats.find(([pattern]) => pattern.test(hash)) ?? [];
  const what = format === undefined ? 'is not hashed with bcrypt' : `is hashed with ${format}`;
  throw unusable(`${where} the password of ${name} ${what}; only bcrypt is taken: ${advice}`);
}

function unusable(message: string): AuthFileError {
  return new AuthFileError('auth.htpasswd.path', message);
}
