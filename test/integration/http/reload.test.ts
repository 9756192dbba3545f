import { writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import { hashSync } from 'bcryptjs';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { TestCertificate } from '../../support/certificates.ts';
import { entrepot } from '../../support/cli.ts';
import { eventually, within } from '../../support/deadline.ts';
import { TempFolder } from '../../support/temp-folder.ts';

/** The status of `/v2/` for an account, and the subject of the server's certificate. */
async function login(
  origin: string,
  ca: string,
  account: string,
): Promise<readonly [number | undefined, string]> {
  const { promise, resolve, reject } = Promise.withResolvers<readonly [number | undefined, string]>();
  request(`${origin}/v2/`, { ca, auth: `${account}:secret`, agent: false }, (response) => {
    const subject = String((response.socket as TLSSocket).getPeerCertificate().subject.CN);
    response.resume().once('end', () => resolve([response.statusCode, subject]));
  })
    .once('error', reject)
    .end();
  return await within(60_000, 'the answer over TLS', promise);
}

test('SIGHUP reads certificates and the password file again, for every listener, and what is bad is told and left', async () => {
  await using folder = await TempFolder.create();
  const authority = await TestCertificate.create({ name: 'authority', authority: true });
  const issue = (name: string): Promise<TestCertificate> =>
    TestCertificate.create({ name, issuer: authority, addresses: ['127.0.0.1'] });
  const use = async (certificate: TestCertificate): Promise<void> => {
    await writeFile(folder.join('server.crt'), certificate.pem);
    await writeFile(folder.join('server.key'), certificate.keyPem);
  };
  const account = (name: string): Promise<void> =>
    writeFile(folder.join('htpasswd'), `${name}:${hashSync('secret', 4)}\n`);
  await use(await issue('first'));
  await account('alice');
  await writeFile(
    folder.join('config.yml'),
    stringify({
      version: 0.1,
      log: { level: 'info', formatter: 'json' },
      storage: { filesystem: { rootdirectory: folder.join('data') } },
      http: {
        addr: '127.0.0.1:0',
        public: { addr: '127.0.0.1:0' },
        tls: { certificate: 'server.crt', key: 'server.key' },
      },
      auth: { htpasswd: { realm: 'mirror', path: 'htpasswd' } },
      access: { anonymous: 'allow' },
      upstreams: { 'ghcr.io': { listen: '127.0.0.1:0' } },
    }),
  );
  await using child = entrepot(['serve', 'config.yml'], folder.path);
  const [, origin = ''] = await child.waitFor(/"addresses":\["(https:[^"]+)"/);
  const [, bound = ''] = await child.waitFor(/"upstream":"ghcr\.io","address":"(https:[^"]+)"/);
  expect(await login(origin, authority.pem, 'alice')).toStrictEqual([200, 'first']);
  expect(await login(bound, authority.pem, 'alice')).toStrictEqual([200, 'first']);
  const [, open = ''] = await child.waitFor(/"publicAddress":"(https:[^"]+)"/);
  expect(await login(open, authority.pem, 'nobody')).toStrictEqual([200, 'first']);

  await use(await issue('second'));
  await account('robert');
  child.kill('SIGHUP');
  await child.waitFor(/the certificate was read again/);
  expect(await login(origin, authority.pem, 'robert')).toStrictEqual([200, 'second']);
  expect(await login(bound, authority.pem, 'robert')).toStrictEqual([200, 'second']);
  expect((await login(origin, authority.pem, 'alice'))[0]).toBe(401);
  expect(await login(open, authority.pem, 'alice')).toStrictEqual([200, 'second']);

  await writeFile(folder.join('server.crt'), 'nothing');
  await writeFile(folder.join('htpasswd'), 'robert:plain\n');
  child.kill('SIGHUP');
  await child.waitFor(/the new certificate or key cannot be used/);
  await child.waitFor(/the password file cannot be used/);
  expect(await login(origin, authority.pem, 'robert')).toStrictEqual([200, 'second']);

  child.kill('SIGTERM');
  expect(await child.exited()).toEqual({ code: 0, signal: null });
  expect(child.output).not.toContain('plain');
});

test('a certificate whose time is over or has not come is told at the start and when it is read again', async () => {
  await using folder = await TempFolder.create();
  const use = async (validity: { readonly notBefore?: Date; readonly notAfter?: Date }): Promise<void> => {
    const certificate = await TestCertificate.create({
      name: 'dated',
      addresses: ['127.0.0.1'],
      ...validity,
    });
    await writeFile(folder.join('server.crt'), certificate.pem);
    await writeFile(folder.join('server.key'), certificate.keyPem);
  };
  await use({ notAfter: new Date(Date.UTC(2021, 2, 1)) });
  await using child = entrepot(['serve'], folder.path, {
    REGISTRY_HTTP_ADDR: '127.0.0.1:0',
    REGISTRY_HTTP_TLS_CERTIFICATE: folder.join('server.crt'),
    REGISTRY_HTTP_TLS_KEY: folder.join('server.key'),
  });
  await child.waitFor(/clients will refuse the certificate.*expired on 2021-03-01/);

  await use({ notBefore: new Date(Date.UTC(2099, 0, 2)) });
  child.kill('SIGHUP');
  await child.waitFor(/clients will refuse the certificate.*not valid before 2099-01-02/);

  const warnings = () => child.output.split('clients will refuse').length - 1;
  await use({});
  child.kill('SIGHUP');
  await eventually(60_000, 'a third certificate', () =>
    Promise.resolve(child.output.split('the certificate was read again').length === 3),
  );
  expect(warnings()).toBe(2);
  child.kill('SIGTERM');
  expect(await child.exited()).toEqual({ code: 0, signal: null });
});

test('a SIGHUP that finds nothing to read again changes nothing', async () => {
  await using folder = await TempFolder.create();
  await using child = entrepot(['serve'], folder.path, { REGISTRY_HTTP_ADDR: '127.0.0.1:0' });
  const [, origin = ''] = await child.waitFor(/listening on {2}(http:\S+)/);
  child.kill('SIGHUP');
  await eventually(
    5000,
    'an answer after the signal',
    async () => (await fetch(`${origin}/v2/`)).status === 200,
  );
  child.kill('SIGTERM');
  expect(await child.exited()).toEqual({ code: 0, signal: null });
});

test('a password file that cannot be used keeps the mirror from starting, in one line', async () => {
  await using folder = await TempFolder.create();
  await writeFile(folder.join('htpasswd'), 'alice:{SHA}fEqNCco3Yq9h5ZUglD3CZJT4lBs=\n');
  await using child = entrepot(['serve'], folder.path, {
    REGISTRY_HTTP_ADDR: '127.0.0.1:0',
    REGISTRY_AUTH_HTPASSWD_REALM: 'mirror',
    REGISTRY_AUTH_HTPASSWD_PATH: folder.join('htpasswd'),
  });
  expect(await child.exited()).toEqual({ code: 1, signal: null });
  expect(child.stderr).toMatch(
    /^entrepot: auth\.htpasswd\.path: .*htpasswd, line 1: the password of alice is hashed with SHA-1; only bcrypt is taken: .*\n$/,
  );
  expect(child.output).not.toContain('fEqNCco3Yq9h5ZUglD3CZJT4lBs=');
});
