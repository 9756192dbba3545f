import { chmod, mkdir, writeFile } from 'node:fs/promises';
import { delimiter } from 'node:path';
import { expect, test } from 'vitest';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { Entrepot, type EntrepotOptions } from './support/entrepot.ts';
import { command } from './support/command.ts';
import { skopeoInspect, skopeoReference } from './support/skopeo.ts';

const account = { username: 'mirror', password: 'the-account-of-the-mirror' };

/**
 * A registry whose only repository opens to the account, as its mirror sees it through skopeo; resolves to
 * the mirror's output.
 */
async function pullPrivate(hub: FakeHub, options: EntrepotOptions): Promise<string> {
  const image = makeImage();
  hub.addImage('acme/secret', 'v1', image);
  hub.makePrivate('acme/secret');
  await using mirror = await Entrepot.start(options);
  const reference = skopeoReference(mirror.url, 'acme/secret:v1');
  expect(await skopeoInspect(reference)).toMatchObject({ Digest: image.digest });
  await mirror.stop();
  return mirror.output;
}

test('skopeo login on the host is enough: the mirror reads the same config.json', async () => {
  await using hub = await FakeHub.start({ auth: 'basic', credentials: account });
  await using folder = await TempFolder.create();
  const { host } = new URL(hub.url);
  const login = ['login', '--tls-verify=false', '-u', account.username, '-p', account.password];
  await command('skopeo', [...login, '--authfile', folder.join('config.json'), host]);

  const output = await pullPrivate(hub, {
    sections: {
      log: { level: 'trace', formatter: 'json' },
      upstreams: { [host]: { url: hub.url, credentials: 'docker-config' } },
      access: { private: 'allow' },
    },
    environment: { DOCKER_CONFIG: folder.path },
  });
  expect(output).not.toContain(account.password);
});

test('a credential helper is asked for the account, and not for each pull', async () => {
  await using hub = await FakeHub.start({ credentials: account });
  await using folder = await TempFolder.create();
  const { host } = new URL(hub.url);
  await mkdir(folder.join('bin'));
  const helper = folder.join('bin', 'docker-credential-vault');
  const answer = JSON.stringify({ ServerURL: host, Username: account.username, Secret: account.password });
  await writeFile(helper, `#!/bin/sh\ncat >>'${folder.join('asked')}'\necho '${answer}'\n`);
  await chmod(helper, 0o755);

  const output = await pullPrivate(hub, {
    sections: {
      log: { level: 'trace', formatter: 'json' },
      upstreams: { [host]: { url: hub.url, credentials: 'helper:vault' } },
      access: { private: 'allow' },
    },
    environment: { PATH: `${folder.join('bin')}${delimiter}${process.env['PATH'] ?? ''}` },
  });
  expect(output).not.toContain(account.password);
  // Once, with the name that `docker login` would use, and nothing else on its input.
  expect((await command('cat', [folder.join('asked')])).trim()).toBe(host);
});
