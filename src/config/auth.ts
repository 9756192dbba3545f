import type { TokenSettings } from '../http/auth/create-authentication.ts';
import type { AuthConfig } from './config.ts';
import type { FileValues } from './schema.ts';
import type { LoadContext } from './load-context.ts';

type Given = NonNullable<FileValues['auth']>;

/** How clients log in. What it returns counts only when there are no problems. */
export function readAuth(given: FileValues['auth'], context: LoadContext): AuthConfig {
  if (given === undefined) return { htpasswd: undefined, token: undefined, passthrough: false };
  const { htpasswd, token, passthrough } = given;
  if (htpasswd === undefined && token === undefined && !passthrough && isWritten(context)) {
    context.problems.add(
      ['auth'],
      'protects nothing: give htpasswd or token what they need, or leave the section out',
    );
  }
  return {
    htpasswd:
      htpasswd === undefined
        ? undefined
        : {
            realm: htpasswd.realm,
            path: context.readable(['auth', 'htpasswd', 'path'], htpasswd.path),
          },
    token: token === undefined ? undefined : readToken(token, context),
    passthrough,
  };
}

/** `passthrough: false` alone asks for nothing, and gets it. */
function isWritten({ tree }: LoadContext): boolean {
  const section = tree.get(['auth']);
  return typeof section !== 'object' || Object.keys(section).some((key) => key !== 'passthrough');
}

function readToken(given: NonNullable<Given['token']>, context: LoadContext): TokenSettings | undefined {
  const path = ['auth', 'token'];
  const { service, issuer, signingalgorithms } = given;
  const realm = URL.canParse(given.realm) ? new URL(given.realm) : undefined;
  if (given.rootcertbundle.length === 0 && given.jwks === undefined) {
    context.problems.add(path, 'needs keys to check tokens with: give rootcertbundle or jwks');
  }
  const keys = {
    rootcertbundle: given.rootcertbundle.map((name) => context.readable([...path, 'rootcertbundle'], name)),
    jwks: given.jwks === undefined ? undefined : context.readable([...path, 'jwks'], given.jwks),
  };
  if (
    realm === undefined ||
    !/^https?:$/.test(realm.protocol) ||
    realm.username !== '' ||
    realm.hash !== ''
  ) {
    context.problems.add(
      [...path, 'realm'],
      'must be the URL at which clients get tokens, such as https://auth.example.com/token',
    );
    return undefined;
  }
  return { realm, service, issuer, keys, signingalgorithms };
}
