import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { calculateJwkThumbprint, exportJWK } from 'jose';
import { BearerScheme } from '../../../../src/http/auth/bearer.ts';
import { groupsByUser } from '../../../../src/http/auth/auth-scheme.ts';
import { libtrustFingerprint } from '../../../../src/http/auth/key-id.ts';
import { TokenKeys } from '../../../../src/http/auth/token-keys.ts';
import { TestCertificate } from '../../../support/certificates.ts';
import { TempFolder } from '../../../support/temp-folder.ts';
import { TestClock } from '../../../support/test-clock.ts';
import { issuer, service, signToken, type TokenOptions } from '../../../support/token-issuer.ts';

const clock = new TestClock();
let folder: TempFolder;
let signer: TestCertificate;
let stranger: TestCertificate;
let inSet: { readonly privateKey: KeyObject; readonly publicKey: KeyObject };
let keys: TokenKeys;

beforeAll(async () => {
  folder = await TempFolder.create();
  signer = await TestCertificate.create({ name: 'signer', authority: true });
  stranger = await TestCertificate.create({ name: 'stranger', authority: true });
  await writeFile(folder.join('bundle.pem'), `# of the token service\n${signer.pem}\n`);
  inSet = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const jwk = { ...(await exportJWK(inSet.publicKey)), kid: 'key-1', use: 'sig' };
  await writeFile(folder.join('keys.json'), JSON.stringify({ keys: [jwk] }));
  keys = await TokenKeys.read({
    rootcertbundle: [folder.join('bundle.pem')],
    jwks: folder.join('keys.json'),
  });
});

afterAll(async () => {
  await folder.remove();
});

function scheme(algorithms: readonly string[] = []): BearerScheme {
  return new BearerScheme({
    realm: new URL('https://auth.example/token'),
    service,
    issuer,
    keys,
    algorithms,
    groups: groupsByUser({ builders: ['alice'] }),
    clock,
  });
}

async function outcome(options: TokenOptions = {}, by = signer): Promise<string> {
  return (await scheme().login(await signToken(by, clock.now(), options))).outcome;
}

const seconds = (offset: number): number => Math.floor(clock.now() / 1000) + offset;

describe('a token', () => {
  test('says who asks, and what may be pulled and deleted', async () => {
    const access = [
      { type: 'repository', name: 'library/a', actions: ['pull', 'push'] },
      { type: 'repository', name: 'b', actions: ['*'] },
      { type: 'repository', name: 'c', actions: ['push', 'delete'] },
      { type: 'registry', name: 'catalog', actions: ['*'] },
      { type: 'repository', name: 7, actions: ['pull'] },
      null,
    ];
    const token = await signToken(signer, clock.now(), { claims: { access } });
    expect(await scheme().login(token)).toStrictEqual({
      reader: {
        user: 'alice',
        groups: ['builders'],
        repositories: new Set(['library/a', 'b']),
        deletable: new Set(['b', 'c']),
        credentials: undefined,
      },
      outcome: 'accepted',
    });
  });

  test.each(['', undefined])('of nobody (sub: %j) limits an anonymous reader', async (sub) => {
    const token = await signToken(signer, clock.now(), { claims: { sub, access: undefined } });
    const { reader } = await scheme().login(token);
    expect([reader.user, reader.groups, reader.repositories]).toStrictEqual([undefined, [], new Set()]);
  });

  test.each<readonly [string, () => Readonly<Record<string, unknown>>]>([
    ['of another issuer', () => ({ iss: 'other' })],
    ['of no issuer', () => ({ iss: undefined })],
    ['for another service', () => ({ aud: 'other' })],
    ['for no service', () => ({ aud: undefined })],
    ['that has expired', () => ({ exp: seconds(-61) })],
    ['that never expires', () => ({ exp: undefined })],
    ['that is not valid yet', () => ({ nbf: seconds(61) })],
    ['of a number', () => ({ sub: 7 })],
    ['of a thing', () => ({ sub: { name: 'alice' } })],
  ])('%s is no good', async (_what, claims) => {
    expect(await outcome({ claims: claims() })).toBe('invalid');
  });

  test('may be off by the minute that clocks are apart', async () => {
    expect(await outcome({ claims: { exp: seconds(-59), nbf: seconds(59) } })).toBe('accepted');
  });

  test.each(['', 'a', 'a.b.c', 'ey.ey.ey', '..'])('that is none (%j) is no good', async (token) => {
    expect((await scheme().login(token)).outcome).toBe('invalid');
  });

  test('with a letter changed is no good', async () => {
    const [head = '', , signature = ''] = (await signToken(signer, clock.now())).split('.');
    const claims = Buffer.from(JSON.stringify({ iss: issuer, aud: service, exp: seconds(99), sub: 'root' }));
    expect((await scheme().login(`${head}.${claims.toString('base64url')}.${signature}`)).outcome).toBe(
      'invalid',
    );
  });
});

describe('the key of a token', () => {
  test('may be a certificate of the bundle, by itself or by either kind of id', async () => {
    const thumbprint = await calculateJwkThumbprint(await exportJWK(signer.publicKey));
    expect(await outcome()).toBe('accepted');
    for (const kid of [libtrustFingerprint(signer.publicKey), thumbprint]) {
      expect(await outcome({ header: { x5c: undefined, kid } })).toBe('accepted');
    }
  });

  test('may be one of the key set', async () => {
    const header = { alg: 'RS256', x5c: undefined, kid: 'key-1' };
    expect(await outcome({ header, key: inSet.privateKey })).toBe('accepted');
    expect(await outcome({ header: { ...header, alg: 'RS512' }, key: inSet.privateKey })).toBe('accepted');
  });

  test('must be known: neither a stranger, nor none, nor another than it says', async () => {
    expect(await outcome({}, stranger)).toBe('invalid');
    const kid = libtrustFingerprint(stranger.publicKey);
    expect(await outcome({ header: { x5c: undefined, kid } }, stranger)).toBe('invalid');
    expect(await outcome({ header: { x5c: undefined } })).toBe('invalid');
    expect(await outcome({ header: { x5c: [signer.base64] } }, stranger)).toBe('invalid');
    // A chain that does not hold is not made up for by an id that does.
    expect(await outcome({ header: { kid: libtrustFingerprint(signer.publicKey) } }, stranger)).toBe(
      'invalid',
    );
  });

  test('is never a secret that the mirror would share', async () => {
    const kid = libtrustFingerprint(signer.publicKey);
    const publicPem = Buffer.from(signer.publicKey.export({ type: 'spki', format: 'pem' }).toString());
    expect(await outcome({ header: { alg: 'HS256', x5c: undefined, kid }, key: publicPem })).toBe('invalid');
    const encode = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');
    const claims = { iss: issuer, aud: service, exp: seconds(99) };
    expect((await scheme().login(`${encode({ alg: 'none', kid })}.${encode(claims)}.`)).outcome).toBe(
      'invalid',
    );
  });

  test('signs by the configured algorithms only', async () => {
    const token = await signToken(signer, clock.now());
    expect((await scheme(['RS256']).login(token)).outcome).toBe('invalid');
    expect((await scheme(['RS256', 'ES256']).login(token)).outcome).toBe('accepted');
  });
});

describe('a chain of certificates', () => {
  test('leads from the signer to the bundle, each issued by the next', async () => {
    const intermediate = await TestCertificate.create({ name: 'middle', issuer: signer, authority: true });
    const leaf = await TestCertificate.create({ name: 'leaf', issuer: intermediate });
    expect(await outcome({ header: { x5c: [leaf.base64, intermediate.base64] } }, leaf)).toBe('accepted');
    expect(await outcome({ header: { x5c: [leaf.base64, intermediate.base64, signer.base64] } }, leaf)).toBe(
      'accepted',
    );
    expect(await outcome({ header: { x5c: [leaf.base64] } }, leaf)).toBe('invalid');
    expect(await outcome({ header: { x5c: [leaf.base64, stranger.base64] } }, leaf)).toBe('invalid');
  });

  test('does not lead through who may not sign', async () => {
    const server = await TestCertificate.create({ name: 'server', issuer: signer });
    const leaf = await TestCertificate.create({ name: 'leaf', issuer: server });
    expect(await outcome({ header: { x5c: [leaf.base64, server.base64] } }, leaf)).toBe('invalid');
  });

  test('does not lead through one that only bears the name of the bundle', async () => {
    const impostor = await TestCertificate.create({ name: 'signer', authority: true });
    const leaf = await TestCertificate.create({ name: 'leaf', issuer: impostor });
    expect(await outcome({ header: { x5c: [leaf.base64] } }, leaf)).toBe('invalid');
    expect(await outcome({ header: { x5c: [leaf.base64, impostor.base64] } }, leaf)).toBe('invalid');
  });

  test.each([
    ['has expired', { notAfter: new Date(clock.now() - 1000) }],
    ['is not valid yet', { notBefore: new Date(clock.now() + 1000) }],
  ])('with a certificate that %s is no good', async (_what, validity) => {
    const leaf = await TestCertificate.create({ name: 'leaf', issuer: signer, ...validity });
    expect(await outcome({}, leaf)).toBe('invalid');
  });

  test.each([[['nonsense']], [[7]], [['']]])('of %j is no good', async (x5c) => {
    expect(keys.find({ x5c }, clock.now())).toBeUndefined();
  });
});

describe('the files with the keys', () => {
  test.each([
    ['no certificate', 'nothing here', 'has no certificate in it'],
    [
      'a broken certificate',
      '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----',
      'has a certificate in it that cannot be read',
    ],
  ])('with %s are refused', async (_what, text, complaint) => {
    const file = folder.join('bad.pem');
    await writeFile(file, text);
    await expect(TokenKeys.read({ rootcertbundle: [file], jwks: undefined })).rejects.toThrow(
      `${file} ${complaint}`,
    );
  });

  test.each([
    ['nonsense', '{', 'is not a JSON Web Key Set of public keys'],
    ['no keys', '{"keys":[]}', 'has no key in it'],
    ['no list', '{}', 'is not a JSON Web Key Set of public keys'],
    [
      'a shared secret',
      '{"keys":[{"kty":"oct","k":"c2VjcmV0"}]}',
      'is not a JSON Web Key Set of public keys',
    ],
  ])('as a key set with %s are refused', async (_what, text, complaint) => {
    const file = folder.join('bad.json');
    await writeFile(file, text);
    await expect(TokenKeys.read({ rootcertbundle: [], jwks: file })).rejects.toThrow(`${file} ${complaint}`);
  });

  test('that are not there are refused', async () => {
    await expect(TokenKeys.read({ rootcertbundle: ['/none'], jwks: undefined })).rejects.toThrow(
      '/none cannot be read (ENOENT)',
    );
  });
});

test('a fingerprint is the one that libtrust makes', () => {
  // The key of the example in registry:2's documentation of signed manifests, with its kid there.
  const key = createPublicKey({
    format: 'jwk',
    key: {
      kty: 'EC',
      crv: 'P-256',
      x: '3gAwX48IQ5oaYQAYSxor6rYYc_6yjuLCjtQ9LUakg4A',
      y: 't72ge6kIA1XOjqjVoEOiPPAURltJFBMGDSQvEGVB010',
    },
  });
  expect(libtrustFingerprint(key)).toBe('OD6I:6DRK:JXEJ:KBM4:255X:NSAA:MUSF:E4VM:ZI6W:CUN2:L4Z6:LSF4');
});

describe('the challenge', () => {
  test('says where tokens are to be had and for what', () => {
    expect(scheme().challenge({})).toBe(`Bearer realm="https://auth.example/token",service="${service}"`);
    expect(scheme().challenge({ scope: 'repository:ghcr.io/a/b:pull', error: 'insufficient_scope' })).toBe(
      `Bearer realm="https://auth.example/token",service="${service}",scope="repository:ghcr.io/a/b:pull",error="insufficient_scope"`,
    );
  });
});
