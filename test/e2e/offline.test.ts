import { expect, test } from 'vitest';
import { eventually } from '../support/deadline.ts';
import { DockerRegistry } from '../support/docker-registry.ts';
import { makeImage } from '../support/image.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { command } from './support/command.ts';
import { Entrepot, entrepotMain } from './support/entrepot.ts';
import { inEmptyNetwork } from './support/empty-network.ts';
import { showWhenFailed } from './support/logs.ts';
import { skopeoCopy, skopeoReference } from './support/skopeo.ts';

test('Entrepot starts on a machine without any network, and serves what it holds', async () => {
  const image = makeImage();
  await using upstream = await DockerRegistry.start();
  await upstream.push('team/app', 'v1', image);
  await using mirror = await Entrepot.start(upstream.url);
  await using folder = await TempFolder.create();
  await skopeoCopy(skopeoReference(mirror.url, 'team/app:v1'), `dir:${folder.join('before')}`);
  await mirror.stop();

  await using offline = inEmptyNetwork(process.execPath, entrepotMain, 'serve', mirror.configuration);
  showWhenFailed('entrepot without a network', offline);
  const inspect = async (name: string): Promise<string> => {
    const reference = skopeoReference(mirror.url, name);
    const namespace = `--net=/proc/${offline.pid}/ns/net`;
    return command('nsenter', [namespace, 'skopeo', 'inspect', '--tls-verify=false', reference]);
  };
  await eventually(60_000, 'Entrepot serves without a network', async () =>
    inspect('team/app:v1').then(
      (printed) => printed.includes(image.digest),
      () => false,
    ),
  );
  // The upstream cannot be reached: that is another thing than an image that does not exist.
  await expect(inspect('team/app:v2')).rejects.toThrow(/50[234]/u);
});
