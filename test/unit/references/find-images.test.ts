import { symlink } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { FindFixture, imagesOf, remarksOf } from '../../support/find-fixture.ts';

async function* chunks(...texts: readonly (string | Uint8Array)[]): AsyncGenerator<Buffer> {
  for (const text of texts) yield Buffer.from(text as Uint8Array);
}

describe('images are looked for', () => {
  it('in several files together, each image with all places that name it', async () => {
    await using files = await FindFixture.of({ 'a.txt': 'node\nredis\n', 'b.txt': 'node\n' });
    const found = await files.find(['b.txt', 'a.txt', 'b.txt']);
    expect(found.images.map(({ file, line, reason }) => [file, line, reason])).toEqual([
      ['a.txt', 1, 'listed'],
      ['b.txt', 1, 'listed'],
      ['a.txt', 2, 'listed'],
    ]);
  });

  it('on the standard input, which is known by its content', async () => {
    await using files = await FindFixture.of({});
    const found = await files.find('-', { stdin: chunks('no', 'de:1', '8\n') });
    expect(imagesOf(found)).toEqual(['docker.io/library/node:18']);
    expect(found.images[0]?.file).toBe('<stdin>');
  });

  it('in a folder and those below it, but not where others keep their files', async () => {
    await using files = await FindFixture.of({
      'images.txt': 'node\n',
      'lab/images.txt': 'redis\n',
      'lab/notes.txt': 'Dear all,\n',
      'lab/word.yaml': 'hello\n',
      'node_modules/x/images.txt': 'hidden\n',
      '.git/images.txt': 'hidden\n',
      '.cache/images.txt': 'hidden\n',
    });
    await symlink(files.folder.path, files.folder.join('lab/loop'));
    await symlink('/nowhere', files.folder.join('lab/base-images.txt'));
    const found = await files.find('.');
    expect(imagesOf(found)).toEqual(['docker.io/library/node:latest', 'docker.io/library/redis:latest']);
    expect(found.problems).toEqual([]);
  });

  it('in a file of a folder that another one reads only for that one, and in one that reads itself', async () => {
    await using files = await FindFixture.of({
      'compose.yaml':
        'services:\n  base:\n    image: node\n  web:\n    extends:\n      file: compose.yaml\n      service: base\n  app:\n    build:\n      context: .\n      target: first\n',
      Dockerfile: 'FROM redis AS first\nFROM postgres\n',
    });
    expect(imagesOf(await files.find('.'))).toEqual([
      'docker.io/library/node:latest',
      'docker.io/library/redis:latest',
    ]);
  });

  it('in the Compose file of a folder all the same where a Dev Container uses some of it', async () => {
    await using files = await FindFixture.of({
      'compose.yaml': 'services:\n  app: {build: .}\n  db: {image: pg}\n',
      'compose.override.yaml': 'services:\n  db: {image: redis}\n',
      'compose.prod.yaml': 'services:\n  db: {image: none}\n',
      'other/compose.yaml': 'services:\n  two: {extends: {file: ../compose.yaml, service: db}, image: two}\n',
      Dockerfile: 'FROM node\n',
      '.devcontainer/devcontainer.json':
        '{"dockerComposeFile": "../compose.yaml", "service": "app", "runServices": ["app"]}',
    });
    expect(imagesOf(await files.find('.'))).toEqual([
      'docker.io/library/node:latest',
      'docker.io/library/redis:latest',
      'docker.io/library/two:latest',
    ]);
  });

  it('in what is built elsewhere for other platforms: tools of the build are for this machine', async () => {
    await using files = await FindFixture.of({
      'compose.yaml': 'services:\n  app:\n    build:\n      context: .\n      platforms: [linux/arm64]\n',
      Dockerfile: 'FROM --platform=$BUILDPLATFORM golang AS tools\nFROM alpine\nCOPY --from=tools / /\n',
    });
    const { images } = await files.find('compose.yaml');
    expect(
      images.map(({ reference: { repository }, platform }) => [repository, platform?.architecture]),
    ).toEqual([
      ['library/alpine', 'arm64'],
      ['library/golang', 'amd64'],
    ]);
  });

  it('and a folder that names none is a problem', async () => {
    await using files = await FindFixture.of({ 'lab/notes.txt': 'Dear all,\n' });
    expect(remarksOf((await files.find('lab')).problems)).toEqual([
      'lab: has no file in it that names images',
    ]);
  });

  it.each([
    ['that is absent', undefined, 'does not exist'],
    ['that is a binary', Buffer.from('node\n\0\x01'), 'is a binary file'],
    ['in another encoding', Buffer.from('caf\xE9', 'latin1'), 'is not UTF-8 text'],
    ['as Windows writes it', Buffer.from('\uFEFFnode\n', 'utf16le'), 'is UTF-16: save it as UTF-8'],
    ['that is too large', Buffer.alloc(16 * 2 ** 20 + 1, 'a\n'), 'is larger than 16 MiB'],
  ])('and a file %s is named, beside what others say', async (_what, content, problem) => {
    await using files = await FindFixture.of({
      'good.txt': 'node\n',
      ...(content === undefined ? {} : { 'bad.txt': content }),
    });
    const found = await files.find(['bad.txt', 'good.txt']);
    expect(imagesOf(found)).toEqual(['docker.io/library/node:latest']);
    expect(remarksOf(found.problems)).toEqual([`bad.txt: ${problem}`]);
  });
});
