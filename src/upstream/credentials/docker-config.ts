import { parseJson } from '../../base/json.ts';
import { z } from '../../base/zod.ts';
import type { Credentials } from '../auth/credentials.ts';
import { CredentialError } from './credential-error.ts';
import { findServerKey } from './server-key.ts';

const configuration = z.object({
  auths: z.record(z.string(), z.unknown()).optional(),
  credHelpers: z.record(z.string(), z.string()).optional(),
  credsStore: z.string().optional(),
});

const login = z.object({
  auth: z.string().optional(),
  username: z.string().optional(),
  password: z.string().optional(),
  identitytoken: z.string().optional(),
  registrytoken: z.string().optional(),
});

type Login = z.infer<typeof login>;

/** What a bearer token may consist of to be a header's value. */
const printable = /^[\x21-\x7e]+$/;

const base64 = /^[A-Za-z0-9+/]+={0,2}$/;

/**
 * The credentials in Docker's `config.json`. A broken entry does no harm to other hosts.
 * @see https://docs.docker.com/reference/cli/docker/login/
 */
export class DockerConfig {
  readonly #source: string;
  readonly #config: z.infer<typeof configuration>;

  /**
   * @param source what errors call it, such as its file's name
   * @throws {CredentialError} when `text` is no such configuration
   */
  constructor(source: string, text: string) {
    this.#source = source;
    const json = parseJson(text);
    if (json === undefined) throw new CredentialError(`${source} is not JSON`);
    const parsed = configuration.safeParse(json);
    if (!parsed.success) throw new CredentialError(`${source} is not a Docker configuration`);
    this.#config = parsed.data;
  }

  /** The helper for `host`, as in `docker-credential-NAME`; undefined for none. */
  helper(host: string): string | undefined {
    const { credHelpers = {}, credsStore } = this.#config;
    const key = findServerKey(Object.keys(credHelpers), host);
    const name = key === undefined ? credsStore : credHelpers[key];
    return name === '' ? undefined : name;
  }

  /**
   * The credentials in here for `host`, if any.
   * @throws {CredentialError} when they cannot be read
   */
  credentials(host: string): Credentials | undefined {
    const { auths = {} } = this.#config;
    const key = findServerKey(Object.keys(auths), host);
    if (key === undefined) return undefined;
    const where = `${this.#source}: auths[${JSON.stringify(key)}]`;
    const parsed = login.safeParse(auths[key]);
    if (!parsed.success) throw new CredentialError(`${where} is not a login`);
    return readLogin(parsed.data, where);
  }
}

function readLogin(
  { auth = '', username = '', password = '', identitytoken = '', registrytoken = '' }: Login,
  where: string,
): Credentials | undefined {
  if (registrytoken !== '') {
    if (!printable.test(registrytoken)) throw new CredentialError(`${where}.registrytoken is not a token`);
    return { registryToken: registrytoken };
  }
  if (identitytoken !== '') return { identityToken: identitytoken };
  if (auth !== '') return decodeAuth(auth, where);
  return username === '' && password === '' ? undefined : { username, password };
}

/** As Docker reads it: a password may hold colons, and may be padded with zeros. */
function decodeAuth(auth: string, where: string): Credentials {
  const text = base64.test(auth) ? Buffer.from(auth, 'base64').toString('utf8') : '';
  const colon = text.indexOf(':');
  if (colon <= 0) throw new CredentialError(`${where}.auth is not a user name and password in base64`);
  return { username: text.slice(0, colon), password: text.slice(colon + 1).replace(/\0+$/, '') };
}
