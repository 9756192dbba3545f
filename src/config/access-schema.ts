import { z } from '../base/zod.ts';
import { repositoryPattern } from './globs.ts';
import { boolean, oneOf, oneOrMore, refuse, scalar, shown, text } from './scalars.ts';

/** Algorithms of registry:2's whose signatures anyone who can check them can also make. */
const sharedSecret = ['HS256', 'HS384', 'HS512'];

const algorithms = ['EdDSA', 'RS256', 'RS384', 'RS512', 'ES256', 'ES384', 'ES512', 'PS256', 'PS384', 'PS512'];

const algorithm = scalar((value, ctx): string => {
  const name = [...algorithms, ...sharedSecret].find((one) => one.toLowerCase() === value.toLowerCase());
  return name ?? refuse(ctx, `${shown(value)} is not one of ${algorithms.join(', ')}`);
});

/** Those that are safe; a file of registry:2's may name others among them. */
const signingAlgorithms = z.codec(oneOrMore(algorithm), z.array(z.string()), {
  decode: (given, ctx) => {
    const safe = given.filter((name) => !sharedSecret.includes(name));
    if (safe.length > 0 || given.length === 0) return safe;
    const message = `tokens that are signed with a shared secret are not taken; name one of ${algorithms.join(', ')}`;
    ctx.issues.push({ code: 'custom', message, input: undefined });
    return z.NEVER;
  },
  encode: (names) => names,
});

/** Sent in quotes within a header. */
const realm = text.refine((value) => /^[\x20-\x7e]+$/.test(value), 'must consist of plain ASCII characters');

export const authSchema = z.strictObject({
  htpasswd: z.strictObject({ realm: realm.default('Entrepot'), path: text }).optional(),
  token: z
    .strictObject({
      realm: text,
      service: realm,
      issuer: text,
      rootcertbundle: oneOrMore(text).default([]),
      jwks: text.optional(),
      signingalgorithms: signingAlgorithms.default([]),
    })
    .optional(),
  passthrough: boolean.default(false),
});

/** Who is allowed something: `anonymous`, `authenticated`, `user:NAME` or `group:NAME`. */
const whom = scalar((value, ctx): string => {
  if (value === 'anonymous' || value === 'authenticated' || /^(?:user|group):[^\s:]/.test(value))
    return value;
  return refuse(ctx, `${shown(value)} is nobody: write anonymous, authenticated, user:NAME or group:NAME`);
});

export const accessSchema = z.strictObject({
  anonymous: oneOf(['allow', 'deny']).optional(),
  private: oneOf(['authenticated', 'allow']).optional(),
  groups: z.record(z.string(), oneOrMore(text).optional()).default({}),
  rules: z.array(z.strictObject({ match: repositoryPattern, allow: oneOrMore(whom) })).default([]),
  mirror: z
    .strictObject({
      allow: oneOrMore(repositoryPattern).default([]),
      deny: oneOrMore(repositoryPattern).default([]),
    })
    .prefault({}),
});
