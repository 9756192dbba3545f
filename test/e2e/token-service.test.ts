import { writeFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { FakeHub } from '../support/fake-hub.ts';
import { runnableImage, type Image } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { issuer, service, TokenIssuer } from '../support/token-issuer.ts';
import { Containerd } from './support/containerd.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot } from './support/entrepot.ts';
import { skopeoInspect, skopeoReference } from './support/skopeo.ts';

const upstreamAccount = { username: 'mirror', password: 'the-account-of-the-mirror' };
const user = 'ann';
const password = 'the-password-of-ann';
const secret = 'acme/secret';

/**
 * A private repository of ghcr.io, and a mirror whose clients get their tokens from an existing token
 * service.
 */
async function withTokenService(
  use: (mirror: Entrepot, image: Image) => Promise<void>,
): Promise<readonly string[]> {
  const image = await runnableImage(undefined, { says: 'a secret' });
  await using upstream = await FakeHub.start({ credentials: upstreamAccount });
  upstream.addImage(secret, 'v1', image);
  upstream.makePrivate(secret);
  await using tokens = await TokenIssuer.start({ [user]: password });
  await using folder = await TempFolder.create();
  await writeFile(folder.join('bundle.pem'), tokens.signer.pem);
  await using mirror = await Entrepot.start({
    sections: {
      log: { level: 'trace', formatter: 'json' },
      upstreams: { 'ghcr.io': { url: upstream.url, ...upstreamAccount } },
      auth: {
        token: { realm: tokens.realm.href, service, issuer, rootcertbundle: folder.join('bundle.pem') },
      },
    },
  });
  await use(mirror, image);
  const secrets = [password, upstreamAccount.password, ...tokens.issued, ...upstream.issuedTokens];
  return secrets.filter((word) => mirror.output.includes(word));
}

test('docker login goes to the token service, and its token opens a private image', async () => {
  const logged = await withTokenService(async (mirror, image) => {
    await using daemon = await DockerDaemon.start(mirror.url);
    const name = `${mirror.host}/ghcr.io/${secret}:v1`;

    await expect(daemon.docker('pull', name)).rejects.toThrow();
    expect(await daemon.docker('login', '-u', user, '-p', password, mirror.host)).toContain(
      'Login Succeeded',
    );
    expect(await daemon.docker('pull', name)).toContain(`Digest: ${image.digest}`);
    expect(await daemon.run(name)).toBe('a secret\n');
  });
  expect(logged).toEqual([]);
});

test('containerd and skopeo show a token, too', async () => {
  const logged = await withTokenService(async (mirror, image) => {
    await using containerd = await Containerd.start({ 'ghcr.io': mirror.url });
    const name = `ghcr.io/${secret}:v1`;
    await expect(containerd.pull(name)).rejects.toThrow();
    await containerd.pull(name, '--user', `${user}:${password}`);
    expect(await containerd.digest(name)).toBe(image.digest);

    const reference = skopeoReference(mirror.url, name);
    await expect(skopeoInspect(reference)).rejects.toThrow(/unauthorized|authentication required/u);
    expect(
      await skopeoInspect(reference, '--tls-verify=false', '--creds', `${user}:${password}`),
    ).toMatchObject({ Digest: image.digest });
  });
  expect(logged).toEqual([]);
});
