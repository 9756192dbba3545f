import { describe, expect, it } from 'vitest';
import { createCredentialProvider } from '../../../src/upstream/credentials/create-credential-provider.ts';
import { FakeHelper } from '../../support/fake-helper.ts';
import { logLines } from '../../support/log-lines.ts';
import { TempFolder } from '../../support/temp-folder.ts';
import { TestClock } from '../../support/test-clock.ts';
import { basic, dialectServer } from './dialect.ts';
import { clientOf, failureOf, repositoryName, tagReference } from './harness.ts';

const busybox = repositoryName('library/busybox');
const latest = tagReference('latest');
const owner = { username: 'owner', password: 'correct horse' };

describe('ECR private', () => {
  const challenge = (origin: string): string => `Basic realm="${origin}/",service="ecr.amazonaws.com"`;

  it.each([401, 403])(
    'gets a new password from the helper when it answers %i to one that has expired',
    async (expired) => {
      await using folder = await TempFolder.create();
      const helper = await FakeHelper.create(folder, 'docker-credential-ecr-login');
      await helper.gives('AWS', 'morning');
      let good = basic('AWS', 'morning');
      await using registry = await dialectServer({
        challenge,
        status: (authorization) =>
          authorization === undefined ? 401 : authorization === good ? 200 : expired,
      });
      const credentials = createCredentialProvider(
        { kind: 'helper', program: helper.program, lifetimeMs: 12 * 60 * 60 * 1000 },
        { clock: new TestClock(), logger: logLines().logger },
      );
      await using client = clientOf(registry.url, { credentials });
      await client.registry.headManifest(busybox, latest);
      await client.registry.headManifest(busybox, latest);
      expect(await helper.asked()).toEqual([`get|${new URL(registry.url).host}`]);

      await helper.gives('AWS', 'evening');
      good = basic('AWS', 'evening');
      await client.registry.headManifest(busybox, latest);
      await client.registry.headManifest(busybox, latest);
      expect(await helper.asked()).toHaveLength(2);
      expect(registry.shown).toHaveLength(6);
    },
  );

  it('that refuses all passwords does not make the helper run for every request', async () => {
    await using folder = await TempFolder.create();
    const helper = await FakeHelper.create(folder);
    await helper.gives('AWS', 'wrong');
    await using registry = await dialectServer({ challenge, status: () => 401 });
    const credentials = createCredentialProvider(
      { kind: 'helper', program: helper.program, lifetimeMs: 60 * 60 * 1000 },
      { clock: new TestClock(), logger: logLines().logger },
    );
    await using client = clientOf(registry.url, { credentials });
    for (let pull = 0; pull < 5; pull += 1) {
      expect((await failureOf(client.registry.headManifest(busybox, latest))).kind).toBe('unauthorized');
    }
    expect(await helper.asked()).toHaveLength(2);
  });

  it('refuses a repository with 403 for good when the password is what the operator wrote', async () => {
    await using registry = await dialectServer({
      challenge,
      status: (authorization) => (authorization === undefined ? 401 : 403),
    });
    await using client = clientOf(registry.url, { credentials: { get: () => Promise.resolve(owner) } });
    expect((await failureOf(client.registry.headManifest(busybox, latest))).kind).toBe('denied');
    expect(registry.shown).toHaveLength(2);
  });
});
