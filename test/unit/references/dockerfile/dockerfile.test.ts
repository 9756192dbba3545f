import { describe, expect, it } from 'vitest';
import { platformText } from '../../../../src/oci/platform.ts';
import {
  findInDockerfile,
  type DockerfileBuild,
} from '../../../../src/references/dockerfile/find-in-dockerfile.ts';
import { FindFixture, imagesOf, remarksOf } from '../../../support/find-fixture.ts';

const amd64 = { os: 'linux', architecture: 'amd64' };
const arm64 = { os: 'linux', architecture: 'arm64' };

function find(text: string, build: Partial<DockerfileBuild> = {}) {
  return findInDockerfile(
    { path: 'Dockerfile', folder: '.', text },
    { target: undefined, buildArgs: new Map(), platforms: [amd64], contexts: new Map(), ...build },
  );
}

describe('a Dockerfile', () => {
  it.each([
    'Dockerfile',
    'web.Dockerfile',
    'Dockerfile.dev',
    'Containerfile',
    'a/dockerfile',
    'Containerfile.ci',
  ])('is known by the name %s', async (name) => {
    await using files = await FindFixture.of({ [name]: 'FROM alpine\n', 'Dockerfile.dockerignore': 'x\n' });
    const { images, problems } = await files.find('.');
    expect(images).toMatchObject([{ file: name, line: 1, kind: 'dockerfile', reason: 'FROM' }]);
    expect(problems).toEqual([]);
  });

  it.each([
    '# the base\nARG TAG=3\nFROM alpine:$TAG\n',
    '# syntax=docker/dockerfile:1\nRUN x\n',
    '\n\nfrom --platform=linux/arm64 alpine as x\n',
  ])('is known by its content: %j', async (text) => {
    await using files = await FindFixture.of({ build: text });
    expect(remarksOf((await files.find('build')).problems).join('')).not.toContain('--kind');
  });

  it('names each image with its line and reason', () => {
    const text =
      '# syntax=docker/dockerfile:1\n\nFROM a AS x\nFROM b\nCOPY \\\n  --from=c / /\nRUN --mount=from=d ls\n';
    const places = find(text).images.map(({ reference, line, reason }) => [
      reference.repository,
      line,
      reason,
    ]);
    expect(places).toEqual([
      ['docker/dockerfile', 1, '# syntax'],
      ['library/b', 4, 'FROM'],
      ['library/c', 5, 'COPY --from'],
      ['library/d', 7, 'RUN --mount'],
    ]);
  });

  it('has what is not set named, with what to give', () => {
    const { images, unresolved, problems } = find('ARG TAG\nARG NAME\nFROM node:${TAG}\nFROM $NAME:${X}\n');
    expect(images).toEqual([]);
    expect(problems).toEqual([]);
    expect(unresolved).toEqual([
      {
        file: 'Dockerfile',
        line: 4,
        text: 'FROM $NAME:${X}',
        problem: 'NAME is not set',
        advice: '--build-arg NAME=…',
      },
      {
        file: 'Dockerfile',
        line: 4,
        text: 'FROM $NAME:${X}',
        problem: 'no ARG before the first FROM declares X',
        advice: undefined,
      },
    ]);
  });

  it('has a variable that is taken as empty noted', () => {
    const { images, notes } = find('ARG SUFFIX\nFROM node:18$SUFFIX\n');
    expect(images).toHaveLength(1);
    expect(remarksOf(notes)).toEqual(['Dockerfile:2: SUFFIX not set, and taken as empty']);
  });

  it('is read for each platform', () => {
    const text =
      'FROM --platform=$BUILDPLATFORM golang AS b\nFROM --platform=linux/s390x c\nFROM app:$TARGETARCH\nCOPY --from=b / /\nCOPY --from=1 / /\n';
    const { images } = find(text, { platforms: [amd64, arm64] });
    const places = images.map(({ reference: { repository, tag }, platform }) =>
      [repository, tag, ...(platform === undefined ? [] : [platformText(platform)])].join(' '),
    );
    expect(places.sort()).toEqual([
      'library/app amd64',
      'library/app arm64',
      'library/c latest linux/s390x',
      'library/golang latest',
    ]);
  });

  it('that is built for platforms of its own is asked for on those', () => {
    const text = 'FROM --platform=$BUILDPLATFORM golang AS b\nFROM app:$TARGETARCH\nCOPY --from=b / /\n';
    const { images } = find(text, { platforms: [amd64], targetPlatforms: [arm64] });
    expect(images.map(({ reference: { repository }, platform }) => [repository, platform])).toEqual([
      ['library/app', arm64],
      ['library/golang', amd64],
    ]);
  });

  it('has contexts in place of images and stages', () => {
    const text =
      'FROM node:18 AS base\nFROM alpine\nCOPY --from=base / /\nCOPY --from=nginx / /\nCOPY --from=src / /\n';
    const contexts = new Map([
      ['base', 'docker-image://node:20'],
      ['docker.io/library/alpine:latest', 'docker-image://alpine:3'],
      ['src', './src'],
      ['nginx:1', 'docker-image://nginx:2'],
    ]);
    const { images } = find(text, { contexts });
    expect(images.map(({ reference: { repository, tag }, reason }) => [repository, tag, reason])).toEqual([
      ['library/alpine', '3', 'context alpine'],
      ['library/node', '20', 'context base'],
      ['library/nginx', 'latest', 'COPY --from'],
    ]);
  });

  it('with a frontend of its own needs that, and what else only it can tell', () => {
    const { images, notes, problems } = find('# syntax=acme/mockerfile\nimage: node\n');
    expect(images).toMatchObject([{ reference: { repository: 'acme/mockerfile' } }]);
    expect(remarksOf(notes)).toEqual(['Dockerfile:1: only acme/mockerfile can tell which images it needs']);
    expect(problems).toEqual([]);
    const given = find('# syntax=docker/dockerfile:1\nFROM alpine\n', {
      buildArgs: new Map([['BUILDKIT_SYNTAX', 'docker/dockerfile:1.6']]),
    });
    expect(given.images.map(({ reference: { tag } }) => tag)).toEqual(['1.6', 'latest']);
  });

  it('counts only where images are built', async () => {
    await using files = await FindFixture.of({ Dockerfile: 'FROM node AS a\nFROM alpine\n' });
    expect(imagesOf(await files.find('Dockerfile', { build: false }))).toEqual([]);
    expect(imagesOf(await files.find('Dockerfile', { targets: ['a'] }))).toEqual([
      'docker.io/library/node:latest',
    ]);
    const { problems } = await files.find('Dockerfile', { targets: ['x', 'a'] });
    expect(remarksOf(problems)).toEqual(['Dockerfile: has no stage x']);
  });

  it.each([
    [
      'a long line',
      `FROM alpine\nRUN ${'x'.repeat(70_000)}\n`,
      'Dockerfile:2: a line longer than 65535 bytes',
    ],
    [
      'a value that grows',
      `ARG A0=xxxxxxxx\n${Array.from({ length: 40 }, (_, n) => `ARG A${n + 1}=$A${n}$A${n}`).join('\n')}\nFROM $A40\n`,
      /longer than 65536 characters$/u,
    ],
    [
      'a pattern that takes long',
      `ARG V=${'a'.repeat(1000)}\nFROM x:\${V#${'*a'.repeat(500)}b}\n`,
      /malformed tag|no image/u,
    ],
    ['variables within one another', `FROM x:${'${A:-'.repeat(12_000)}\n`, /nested/u],
    [
      'a circle of stages',
      'FROM a AS x\nCOPY --from=y / /\nFROM b AS y\nCOPY --from=x / /\n',
      'Dockerfile:1: a stage that needs itself, in a circle',
    ],
  ])('with %s ends with an error', (_what, text, problem) => {
    const started = performance.now();
    const [first = ''] = remarksOf(find(text).problems);
    expect(first).toEqual(typeof problem === 'string' ? problem : expect.stringMatching(problem));
    expect(performance.now() - started).toBeLessThan(20_000);
  });

  it('of many stages takes no longer than it must', () => {
    const stages = Array.from({ length: 5000 }, (_, n) => `FROM s${n} AS s${n + 1}\nCOPY --from=s${n} / /\n`);
    const { images, problems } = find(`FROM alpine AS s0\n${stages.join('')}`);
    expect(problems).toEqual([]);
    expect(images).toHaveLength(1);
  });
});
