import { describe, expect, it } from 'vitest';
import { platformText } from '../../../../src/oci/platform.ts';
import type { FindOptions } from '../../../../src/references/find-images.ts';
import { FindFixture, imagesOf, remarksOf } from '../../../support/find-fixture.ts';

const digest = `sha256:${'0123456789abcdef'.repeat(4)}`;

const pod = (image: string): string =>
  `apiVersion: v1\nkind: Pod\nmetadata: {name: x}\nspec: {containers: [{name: c, image: "${image}"}]}\n`;

type Files = Readonly<Record<string, string>>;

async function images(
  name: string,
  files: Files,
  options: Partial<FindOptions> = {},
): Promise<readonly string[]> {
  await using fixture = await FindFixture.of(files);
  const found = await fixture.find(name, options);
  expect(found.problems).toEqual([]);
  expect(found.unresolved).toEqual([]);
  return imagesOf(found);
}

// The images are those of the commands that `quadlet -dryrun` of Podman 6.0.0-dev (commit c6580b4) printed for these files.
describe('a quadlet has the images that Podman would pull, with', () => {
  it.each<readonly [string, string, Files, readonly string[]]>([
    [
      'a container',
      'a.container',
      { 'a.container': '[Container]\nImage=quay.io/a/b:1\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'spaces around',
      'a.container',
      { 'a.container': '[Container]\n  Image =   quay.io/a/b:1  \n' },
      ['quay.io/a/b:1'],
    ],
    [
      'lines of Windows',
      'a.container',
      { 'a.container': '[Container]\r\nImage=quay.io/a/b:1\r\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'comments',
      'a.container',
      {
        'a.container':
          '# Image=x\n[Unit]\nX=y\n[Container]\n#Image=quay.io/x\nImage=quay.io/a/b:1\n;Image=quay.io/y\n',
      },
      ['quay.io/a/b:1'],
    ],
    [
      'a key that stands twice',
      'a.container',
      { 'a.container': '[Container]\nImage=quay.io/a/b:1\nImage=quay.io/a/b:2\n' },
      ['quay.io/a/b:2'],
    ],
    [
      'another section',
      'a.container',
      { 'a.container': '[X-Container]\nImage=quay.io/x\n[Container]\nImage=quay.io/a/b:1\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'a line that goes on',
      'a.container',
      { 'a.container': '[Container]\nImage=\\\nquay.io/a/b:1\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'a line that goes on after a comment',
      'a.container',
      { 'a.container': '[Container]\nExec=a \\\n# Image=quay.io/x \\\n  b\nImage=quay.io/a/b:1\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'a line that goes on into what looks like a key',
      'a.container',
      { 'a.container': '[Container]\nImage=quay.io/a/b:1\nExec=sh -c \\\n  "x" \\\nImage=quay.io/x\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'a last line that would go on',
      'a.container',
      { 'a.container': '[Container]\nImage=quay.io/a/b:1 \\' },
      ['quay.io/a/b:1'],
    ],
    ['quotes', 'a.container', { 'a.container': '[Container]\nImage="quay.io/a/b:1"\n' }, ['quay.io/a/b:1']],
    [
      'a tag and a digest',
      'a.container',
      { 'a.container': `[Container]\nImage=quay.io/a/b:1@${digest}\n` },
      [`quay.io/a/b:1@${digest}`],
    ],
    [
      'a transport',
      'a.container',
      { 'a.container': '[Container]\nImage=docker://quay.io/a/b:1\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'a percent sign in an image that is not asked for',
      'a.container',
      { 'a.container': '[Container]\nImage=quay.io/a/b:1\nExec=%%i\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'an image unit',
      'a.container',
      { 'a.container': '[Container]\nImage=b.image\n', 'b.image': '[Image]\nImage=quay.io/a/b:1\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'an image unit with a tag of its own',
      'a.container',
      {
        'a.container': '[Container]\nImage=b.image\n',
        'b.image': '[Image]\nImage=quay.io/a/b:1\nImageTag=quay.io/a/mine:1\n',
      },
      ['quay.io/a/b:1'],
    ],
    ['an image unit alone', 'b.image', { 'b.image': '[Image]\nImage=quay.io/a/b:1\n' }, ['quay.io/a/b:1']],
    [
      'an artifact',
      'b.artifact',
      { 'b.artifact': '[Artifact]\nArtifact=quay.io/a/b:1\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'a volume of an image',
      'v.volume',
      { 'v.volume': '[Volume]\nDriver=image\nImage=quay.io/a/b:1\n' },
      ['quay.io/a/b:1'],
    ],
    [
      'a volume of an image unit',
      'v.volume',
      { 'v.volume': '[Volume]\nDriver=image\nImage=b.image\n', 'b.image': '[Image]\nImage=quay.io/a/b:1\n' },
      ['quay.io/a/b:1'],
    ],
    ['a volume of another driver', 'v.volume', { 'v.volume': '[Volume]\nImage=quay.io/a/b:1\n' }, []],
    ['a root folder', 'a.container', { 'a.container': '[Container]\nRootfs=/var/lib/root\n' }, []],
    [
      'images that are mounted',
      'a.container',
      {
        'a.container':
          '[Container]\nImage=quay.io/a/b:1\nMount=type=image,source=quay.io/c/d:2,destination=/x\nMount=type=bind,source=/a,destination=/b\nMount=type=image,src=e.image,dst=/y\n',
        'e.image': '[Image]\nImage=quay.io/e/f:3\n',
      },
      ['quay.io/a/b:1', 'quay.io/c/d:2', 'quay.io/e/f:3'],
    ],
    [
      'drop-ins, in order',
      'a.container',
      {
        'a.container': '[Container]\nImage=quay.io/a/b:1\n',
        'a.container.d/20.conf': '[Container]\nImage=quay.io/a/b:20\n',
        'a.container.d/10.conf': '[Container]\nImage=quay.io/a/b:10\n',
        'a.container.d/30.txt': '[Container]\nImage=quay.io/a/b:30\n',
      },
      ['quay.io/a/b:20'],
    ],
    [
      'drop-ins of a prefix and of all',
      'a-b.container',
      {
        'a-b.container': '[Container]\nImage=quay.io/a/b:1\n',
        'a-.container.d/10.conf': '[Container]\nImage=quay.io/a/b:prefix\n',
        'container.d/20.conf': '[Container]\nImage=quay.io/a/b:all\n',
      },
      ['quay.io/a/b:all'],
    ],
    [
      'a drop-in that empties a key first',
      'a.container',
      {
        'a.container': '[Container]\nImage=quay.io/a/b:1\n',
        'a.container.d/10.conf': '[Container]\nImage=\nImage=quay.io/c/d:1\n',
      },
      ['quay.io/c/d:1'],
    ],
    [
      'manifests',
      'k.kube',
      {
        'k.kube': '[Kube]\nYaml=k.yaml\nYaml=./l.yaml\n',
        'k.yaml': pod('quay.io/a/b:1'),
        'l.yaml': pod('quay.io/c/d:2'),
      },
      ['quay.io/a/b:1', 'quay.io/c/d:2'],
    ],
    [
      'a build in its folder',
      'b.build',
      {
        'b.build': '[Build]\nImageTag=localhost/x\nSetWorkingDirectory=unit\n',
        Containerfile: 'FROM quay.io/a/b:1\n',
      },
      ['quay.io/a/b:1'],
    ],
    [
      'a build in another folder',
      'b.build',
      {
        'b.build': '[Build]\nImageTag=localhost/x\nSetWorkingDirectory=./sub\nFile=Df\n',
        'sub/Df': 'FROM quay.io/a/b:1\n',
      },
      ['quay.io/a/b:1'],
    ],
    [
      'a build of a stage, with arguments',
      'b.build',
      {
        'b.build': '[Build]\nImageTag=localhost/x\nSetWorkingDirectory=unit\nTarget=one\nBuildArg=A=1\n',
        Dockerfile: 'ARG A=0\nFROM quay.io/a/b:$A AS one\nFROM quay.io/c/d\n',
      },
      ['quay.io/a/b:1'],
    ],
    [
      'a container that is built',
      'a.container',
      {
        'a.container': '[Container]\nImage=b.build\n',
        'b.build': '[Build]\nImageTag=localhost/x\nSetWorkingDirectory=unit\n',
        Containerfile: 'FROM quay.io/a/b:1\n',
      },
      ['quay.io/a/b:1'],
    ],
  ])('%s', async (_what, name, files, expected) => {
    expect(await images(name, files)).toEqual(expected);
  });
});

describe('a quadlet', () => {
  it('names its image with line and unit', async () => {
    await using files = await FindFixture.of({
      'web.container': '[Unit]\nDescription=x\n\n[Container]\nExec=a \\\n  b\nImage=quay.io/a/b:1\n',
    });
    const found = await files.find('web.container');
    expect(found.images.map(({ line, kind, reason }) => [line, kind, reason])).toEqual([
      [7, 'quadlet', 'web.container'],
    ]);
  });

  it('of an image has its platform', async () => {
    await using files = await FindFixture.of({
      'b.image': '[Image]\nImage=quay.io/a/b:1\nArch=arm\nVariant=v6\n',
    });
    const found = await files.find('b.image');
    expect(found.images.map(({ platform }) => platform && platformText(platform))).toEqual(['linux/arm/v6']);
  });

  it.each([
    ['an instance', 'a@x.container', 'quay.io/a/b:%i', 'quay.io/a/b:x'],
    ['a prefix', 'a@x.container', 'quay.io/a/%p:1', 'quay.io/a/a:1'],
    ['its name', 'a.container', 'quay.io/a/%N:1', 'quay.io/a/a:1'],
    [
      'a variable of the service',
      'a.container',
      'quay.io/a/b:${TAG}\n[Service]\nEnvironment=X=y "TAG=2"',
      'quay.io/a/b:2',
    ],
    ['a variable that is given', 'a.container', 'quay.io/a/b:$GIVEN', 'quay.io/a/b:3'],
  ])('has %s filled in', async (_what, name, image, expected) => {
    const environment = new Map([['GIVEN', '3']]);
    expect(await images(name, { [name]: `[Container]\nImage=${image}\n` }, { environment })).toEqual([
      expected,
    ]);
  });

  it.each([
    ['a@.container', 'quay.io/a/b:%i', 'only systemd knows %i', undefined],
    ['a.container', 'quay.io/a/b:%h', 'only systemd knows %h', undefined],
    ['a.container', 'quay.io/a/b:${TAG}', 'TAG is not set', '--env TAG=…'],
  ])('%s tells what it cannot resolve: %s', async (name, text, problem, advice) => {
    await using files = await FindFixture.of({ [name]: `[Container]\nImage=${text}\n` });
    expect((await files.find(name)).unresolved).toEqual([{ file: name, line: 2, text, problem, advice }]);
  });

  it.each([
    [
      '[Container]\nImage=localhost/mine:1',
      'a.container:2: localhost/mine:1 is on this machine: no registry has it',
    ],
    [
      '[Container]\nImage=docker-archive:/a.tar',
      'a.container:2: docker-archive:/a.tar is on this machine: no registry has it',
    ],
    [
      '[Container]\nImage=quay.io/a/b:1\nPull=never',
      'a.container:2: a.container takes quay.io/a/b:1 from this machine only: its Pull is never',
    ],
  ])('has a note for what no registry is asked for: %s', async (text, note) => {
    await using files = await FindFixture.of({ 'a.container': `${text}\n` });
    const found = await files.find('a.container');
    expect(remarksOf(found.notes)).toEqual([note]);
    expect(imagesOf(found)).toEqual([]);
  });

  it('has a note for a build elsewhere', async () => {
    await using files = await FindFixture.of({
      'b.build': '[Build]\nImageTag=localhost/x\nSetWorkingDirectory=https://example.org/x.git\n',
    });
    expect(remarksOf((await files.find('b.build')).notes)).toEqual([
      'b.build:3: builds what is on another host: which images that needs is not known here',
    ]);
  });

  it.each([
    ['a.container', 'Image=x\n', 'a.container:1: has a line that comes before the first [Section]'],
    [
      'a.container',
      '[Container]\nnonsense\n',
      'a.container:2: has a line that is neither Key=value nor [Section]',
    ],
    ['a.container', '[Container]\nImage=b.image\n', 'a.container:2: there is no unit b.image'],
    ['k.kube', '[Kube]\nYaml=k.yaml\n', 'k.kube:2: there is no file k.yaml'],
    [
      'b.build',
      '[Build]\nImageTag=x\nSetWorkingDirectory=sub\n',
      'b.build:3: there is no sub/Containerfile or sub/Dockerfile',
    ],
  ])('%s that is wrong is a problem: %s', async (name, text, problem) => {
    await using files = await FindFixture.of({ [name]: text });
    expect(remarksOf((await files.find(name)).problems)).toEqual([problem]);
  });

  it('in a folder is read with what it uses, beside other files of such names', async () => {
    const units = {
      'q/a.container': '[Container]\nImage=b.image\n',
      'q/b.image': '[Image]\nImage=quay.io/a/b:1\n',
    };
    await using files = await FindFixture.of({ ...units, 'disks/sd.image': Buffer.from([0, 1, 2]) });
    const found = await files.find('.');
    expect(found.images.map(({ file }) => file)).toEqual(['q/b.image']);
    expect(found.problems).toEqual([]);
  });

  it('is known by its content', async () => {
    await using files = await FindFixture.of({ unit: '# web\n[Container]\nImage=quay.io/a/b:1\n' });
    expect(imagesOf(await files.find('unit'))).toEqual(['quay.io/a/b:1']);
  });

  it('is not built where no image is to be built', async () => {
    const files = {
      'b.build': '[Build]\nImageTag=x\nSetWorkingDirectory=unit\n',
      Containerfile: 'FROM quay.io/a/b:1\n',
    };
    expect(await images('b.build', files, { build: false })).toEqual([]);
  });
});
