import { expect, test } from 'vitest';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import { DockerDaemon } from './support/dockerd.ts';
import { Entrepot } from './support/entrepot.ts';
import { skopeoInspect, skopeoReference } from './support/skopeo.ts';

test('docker search finds what Docker Hub has, and what is cached when Docker Hub is gone', async () => {
  await using hub = await FakeHub.start();
  hub.addImage('apache/thrift', 'latest', makeImage());
  hub.addImage('acme/thrift-tools', 'latest', makeImage({ seed: 2 }));
  await using mirror = await Entrepot.start({
    sections: { upstreams: { 'docker.io': { url: hub.url } } },
  });
  await using daemon = await DockerDaemon.start(mirror.url);
  const search = async (): Promise<string> =>
    daemon.docker('search', '--format', '{{.Name}}', `${mirror.host}/thrift`);

  const online = await search();
  expect(online).toContain('apache/thrift');
  expect(online).toContain('acme/thrift-tools');

  await skopeoInspect(skopeoReference(mirror.url, 'apache/thrift:latest'));
  hub.down();
  const offline = await search();
  expect(offline).toContain('apache/thrift');
  expect(offline).not.toContain('acme/thrift-tools');
});
