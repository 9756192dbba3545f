import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { ask, basic } from '../support/ask.ts';
import { blobFiles, hexOf } from '../support/blob-files.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage } from '../support/image.ts';
import type { RawAnswer } from '../support/raw-client.ts';
import { TempFolder } from '../support/temp-folder.ts';
import { TestEntrepot } from '../support/test-entrepot.ts';
import { service, signToken, TokenIssuer, type TokenOptions } from '../support/token-issuer.ts';

const image = makeImage({ layers: [1000] });
const [layer = image.config] = image.layers;
const robot = { username: 'robot', password: 'upstream-password' };
const app = '/v2/library/app';

describe('a deletion with a token service', () => {
  let folder: TempFolder;
  let hub: FakeHub;
  let tokens: TokenIssuer;
  let entrepot: TestEntrepot;

  beforeEach(async () => {
    folder = await TempFolder.create();
    hub = await FakeHub.start({ credentials: robot });
    hub.addImage('library/app', 'v1', image);
    hub.makePrivate('library/app');
    tokens = await TokenIssuer.start({ alice: 'correct horse' });
    entrepot = await TestEntrepot.start({
      upstream: hub.url,
      credentials: robot,
      auth: { token: await tokens.configuration(folder) },
      storage: { deleteEnabled: true },
    });
    const reading = await token(granting('pull'));
    await ask(entrepot.url, `${app}/manifests/v1`, reading);
    await ask(entrepot.url, `${app}/blobs/${layer.digest}`, reading);
    await vi.waitUntil(async () => (await blobFiles(entrepot.folder)).includes(hexOf(layer.digest)));
  });

  afterEach(async () => {
    await entrepot[Symbol.asyncDispose]();
    await tokens[Symbol.asyncDispose]();
    await hub.close();
    await folder.remove();
  });

  function remove(path: string, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
    return ask(entrepot.url, path, headers, 'DELETE');
  }

  async function token(options: TokenOptions): Promise<{ readonly authorization: string }> {
    return { authorization: `Bearer ${await signToken(tokens.signer, Date.now(), options)}` };
  }

  function granting(...actions: readonly string[]): TokenOptions {
    return { claims: { access: [{ type: 'repository', name: 'library/app', actions }] } };
  }

  test('a token deletes only where it grants that', async () => {
    const reading = await remove(`${app}/manifests/v1`, await token(granting('pull')));
    expect([reading.status, reading.headers['www-authenticate']]).toStrictEqual([
      401,
      `Bearer realm="${tokens.realm.href}",service="${service}",scope="repository:library/app:delete",error="insufficient_scope"`,
    ]);
    // As for what is not there.
    const missing = await remove(`${app}/manifests/v9`, await token(granting('pull')));
    expect(missing.headers['www-authenticate']).toBe(reading.headers['www-authenticate']);
    const elsewhere = { access: [{ type: 'repository', name: 'library/other', actions: ['delete'] }] };
    expect((await remove(`${app}/manifests/v1`, await token({ claims: elsewhere }))).status).toBe(401);
    const nobody = granting('delete');
    expect((await remove(`${app}/manifests/v1`, await token({ ...nobody, subject: '' }))).status).toBe(401);

    expect(await blobFiles(entrepot.folder)).toStrictEqual([hexOf(layer.digest)]);
    expect((await remove(`${app}/manifests/v1`, await token(granting('delete')))).status).toBe(202);
    expect(await blobFiles(entrepot.folder)).toStrictEqual([]);
  });

  test('whoever may do everything may delete', async () => {
    expect((await remove(`${app}/manifests/v1`, await token(granting('*')))).status).toBe(202);
  });

  test('who has no token is told how to get one', async () => {
    const challenge = (await remove(`${app}/manifests/v1`)).headers['www-authenticate'];
    expect(challenge).toContain('scope="repository:library/app:delete"');
    const url = new URL(tokens.realm);
    url.searchParams.set('service', service);
    url.searchParams.set('scope', 'repository:library/app:delete');
    const answer = await fetch(url, { headers: basic('alice', 'correct horse') });
    const { token: given } = (await answer.json()) as { readonly token: string };
    const authorization = `Bearer ${given}`;
    expect((await remove(`${app}/manifests/v1`, { authorization })).status).toBe(202);
  });
});
