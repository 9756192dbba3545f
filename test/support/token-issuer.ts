import { once } from 'node:events';
import { writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { KeyObject } from 'node:crypto';
import { SignJWT } from 'jose';
import type { TokenSettings } from '../../src/http/auth/create-authentication.ts';
import { TestCertificate } from './certificates.ts';
import type { TempFolder } from './temp-folder.ts';

export const issuer = 'test-issuer';
export const service = 'entrepot-test';

export interface TokenOptions {
  readonly subject?: string;
  /** Names of repositories that may be pulled. */
  readonly pull?: readonly string[];
  /** Replaces or adds claims; undefined leaves one out. */
  readonly claims?: Readonly<Record<string, unknown>>;
  /** Replaces or adds parameters of the header; undefined leaves one out. */
  readonly header?: Readonly<Record<string, unknown>>;
  readonly key?: KeyObject | Uint8Array;
}

/**
 * A token that lasts from `now`, in milliseconds, for five minutes, signed by `signer`, whose certificate
 * goes with it.
 */
export async function signToken(
  signer: TestCertificate,
  now: number,
  { subject = 'alice', pull = [], claims = {}, header = {}, key }: TokenOptions = {},
): Promise<string> {
  const seconds = Math.floor(now / 1000);
  const all = {
    iss: issuer,
    sub: subject,
    aud: service,
    exp: seconds + 300,
    nbf: seconds,
    access: pull.map((name) => ({ type: 'repository', name, actions: ['pull'] })),
    ...claims,
  };
  const present = Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined));
  return await new SignJWT(present)
    .setProtectedHeader({ alg: 'ES256', x5c: [signer.base64], ...header })
    .sign(key ?? signer.privateKey);
}

/**
 * A token service as docker_auth is one: whoever asks gets a token for what they may read, anonymously or
 * with a password.
 */
export class TokenIssuer implements AsyncDisposable {
  readonly signer: TestCertificate;
  /** Every token it gave out. */
  readonly issued: string[] = [];
  /** `scope` of each request. */
  readonly scopes: string[] = [];
  readonly #server: Server;
  readonly #accounts: ReadonlyMap<string, string>;

  private constructor(signer: TestCertificate, accounts: ReadonlyMap<string, string>) {
    this.signer = signer;
    this.#accounts = accounts;
    this.#server = createServer((incoming, outgoing) => {
      void this.#answer(incoming).then((token) => {
        outgoing.writeHead(token === undefined ? 401 : 200, { 'content-type': 'application/json' });
        outgoing.end(JSON.stringify(token === undefined ? {} : { token }));
      });
    });
  }

  /** @param accounts passwords by name; each account may read and delete everything, nobody else anything */
  static async start(accounts: Readonly<Record<string, string>>): Promise<TokenIssuer> {
    const signer = await TestCertificate.create({ name: 'token service' });
    const service = new TokenIssuer(signer, new Map(Object.entries(accounts)));
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  get realm(): URL {
    return new URL(`http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/token`);
  }

  /**
   * What a mirror is configured with that believes its tokens; writes the certificate that they are signed
   * with to the folder.
   */
  async configuration(folder: TempFolder): Promise<TokenSettings> {
    const bundle = folder.join('bundle.pem');
    await writeFile(bundle, this.signer.pem);
    const keys = { rootcertbundle: [bundle], jwks: undefined };
    return { realm: this.realm, service, issuer, keys, signingalgorithms: [] };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  async #answer({ url = '', headers }: IncomingMessage): Promise<string | undefined> {
    const query = new URL(url, this.realm).searchParams;
    const [, encoded = ''] = /^Basic (\S+)$/.exec(headers.authorization ?? '') ?? [];
    const [name = '', ...rest] = Buffer.from(encoded, 'base64').toString().split(':');
    if (name !== '' && this.#accounts.get(name) !== rest.join(':')) return undefined;
    if (query.get('service') !== service) return undefined;
    this.scopes.push(query.get('scope') ?? '');
    const [, repository, action] = /^repository:(.+):(pull|delete)$/.exec(query.get('scope') ?? '') ?? [];
    const granted = name === '' || repository === undefined ? [] : [repository];
    const access = granted.map((one) => ({ type: 'repository', name: one, actions: [action] }));
    const token = await signToken(this.signer, Date.now(), { subject: name, claims: { access } });
    this.issued.push(token);
    return token;
  }
}
