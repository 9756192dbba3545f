import { copyFile, mkdir, readFile, writeFile } from 'node:fs/promises';
import bcrypt from 'bcryptjs';
import { expect, test } from 'vitest';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, runnableImage } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { command } from './support/command.ts';
import { Containerd } from './support/containerd.ts';
import { Entrepot, entrepotMain } from './support/entrepot.ts';
import { skopeoInspect, skopeoReference } from './support/skopeo.ts';

const user = 'ann';
const password = 'the-password-of-ann';

/** The certificate, its key and the authority that `entrepot setup tls` makes, in `tls` below the folder. */
async function setUpTls(folder: TempFolder): Promise<{ certificate: string; key: string; ca: string }> {
  const out = folder.join('tls');
  await command(process.execPath, [entrepotMain, 'setup', 'tls', '--host', '127.0.0.1', '--out', out]);
  return { certificate: `${out}/server.crt`, key: `${out}/server.key`, ca: `${out}/ca.crt` };
}

test('skopeo logs in and pulls over TLS with the authority that entrepot setup tls made', async () => {
  await using hub = await FakeHub.start();
  const image = makeImage();
  hub.addImage('acme/app', 'v1', image);
  await using folder = await TempFolder.create();
  const { certificate, key, ca } = await setUpTls(folder);
  await writeFile(folder.join('htpasswd'), `${user}:${await bcrypt.hash(password, 5)}\n`);
  await using mirror = await Entrepot.start({
    sections: {
      proxy: { remoteurl: hub.url },
      http: { tls: { certificate, key } },
      auth: { htpasswd: { realm: 'the mirror', path: folder.join('htpasswd') } },
      access: { anonymous: 'deny' },
    },
  });
  await mkdir(folder.join('certs'));
  await copyFile(ca, folder.join('certs', 'ca.crt'));
  const trusting = ['--cert-dir', folder.join('certs'), '--authfile', folder.join('auth.json')];
  const reference = skopeoReference(mirror.url, 'acme/app:v1');

  await expect(skopeoInspect(reference, '--authfile', folder.join('auth.json'))).rejects.toThrow(/x509/u);
  await expect(skopeoInspect(reference, ...trusting)).rejects.toThrow(
    /unauthorized|authentication required/u,
  );
  const login = ['login', '-u', user, ...trusting];
  await expect(command('skopeo', [...login, '-p', 'wrong', mirror.host])).rejects.toThrow(
    /invalid username/u,
  );
  expect(await command('skopeo', [...login, '-p', password, mirror.host])).toContain('Login Succeeded');
  expect(await skopeoInspect(reference, ...trusting)).toMatchObject({ Digest: image.digest });
});

test('containerd pulls over TLS, before and after the certificate was renewed by a SIGHUP', async () => {
  await using hub = await FakeHub.start();
  const image = await runnableImage();
  hub.addImage('library/hello-entrepot', 'latest', image);
  await using folder = await TempFolder.create();
  const { certificate, key, ca } = await setUpTls(folder);
  await using mirror = await Entrepot.start({
    sections: { proxy: { remoteurl: hub.url }, http: { tls: { certificate, key } } },
  });
  await using containerd = await Containerd.start({ 'docker.io': mirror.url }, { ca });
  const name = 'docker.io/library/hello-entrepot:latest';
  await containerd.pull(name);
  await containerd.forget(name);

  const before = await readFile(certificate, 'utf8');
  await setUpTls(folder);
  expect(await readFile(certificate, 'utf8')).not.toBe(before);
  mirror.signal('SIGHUP');
  await mirror.logged(/the certificate was read again/u);
  await containerd.pull(name);
  expect(await containerd.digest(name)).toBe(image.digest);
});
