import { describe, expect, it } from 'vitest';
import {
  parsePlatforms,
  platformText,
  PlatformSyntaxError,
  readPlatform,
  runnable,
  suitability,
  thisPlatform,
  type Platform,
} from '../../../src/oci/platform.ts';

// Expected values are what github.com/containerd/platforms v1.0.0-rc.4 printed: Parse, Normalize and Format,
// and the entries below in the order of Only(…).Less.

const parsed = [
  ['Linux/AMD64', 'linux/amd64'],
  ['amd64', 'linux/amd64'],
  ['arm', 'linux/arm/v7'],
  ['arm64', 'linux/arm64'],
  ['armhf', 'linux/arm/v7'],
  ['linux/386', 'linux/386'],
  ['linux/aarch64', 'linux/arm64'],
  ['linux/amd64', 'linux/amd64'],
  ['linux/amd64/v1', 'linux/amd64'],
  ['linux/amd64/v2', 'linux/amd64/v2'],
  ['linux/amd64/v3', 'linux/amd64/v3'],
  ['linux/arm', 'linux/arm/v7'],
  ['linux/arm/6', 'linux/arm/v6'],
  ['linux/arm/7', 'linux/arm/v7'],
  ['linux/arm/v5', 'linux/arm/v5'],
  ['linux/arm/v6', 'linux/arm/v6'],
  ['linux/arm/v7', 'linux/arm/v7'],
  ['linux/arm/v8', 'linux/arm/v8'],
  ['linux/arm64', 'linux/arm64'],
  ['linux/arm64/8', 'linux/arm64'],
  ['linux/arm64/9', 'linux/arm64/v9'],
  ['linux/arm64/v8', 'linux/arm64'],
  ['linux/arm64/v8.2', 'linux/arm64/v8.2'],
  ['linux/arm64/v9', 'linux/arm64/v9'],
  ['linux/arm64/v9.2', 'linux/arm64/v9.2'],
  ['linux/armel', 'linux/arm/v6'],
  ['linux/armhf', 'linux/arm/v7'],
  ['linux/i386', 'linux/386'],
  ['linux/ppc64le', 'linux/ppc64le'],
  ['linux/riscv64', 'linux/riscv64'],
  ['linux/s390x', 'linux/s390x'],
  ['linux/x86-64', 'linux/amd64'],
  ['linux/x86_64', 'linux/amd64'],
  ['macos/arm64', 'darwin/arm64'],
  ['s390x', 'linux/s390x'],
  ['windows(10.0.17763)/amd64', 'windows/amd64'],
  ['windows/amd64', 'windows/amd64'],
  ['x86_64', 'linux/amd64'],
] as const;

const entries = [
  'linux/amd64',
  'linux/amd64/v1',
  'linux/amd64/v2',
  'linux/amd64/v3',
  'linux/386',
  'linux/arm',
  'linux/arm/v5',
  'linux/arm/v6',
  'linux/arm/v7',
  'linux/arm/v8',
  'linux/arm64',
  'linux/arm64/v8',
  'linux/arm64/v8.1',
  'linux/arm64/v9',
  'linux/s390x',
  'linux/x86_64',
  'linux/aarch64',
  'linux/armhf',
  'unknown/unknown',
  'windows/amd64',
  'linux/ppc64le',
  'linux/riscv64',
];

/** The entries that run on a machine: those that suit best first, and equally good ones together. */
const order = [
  ['linux/386', ['linux/386']],
  ['linux/amd64', ['linux/amd64 linux/amd64/v1 linux/x86_64', 'linux/386']],
  ['linux/amd64/v2', ['linux/amd64/v2', 'linux/amd64 linux/amd64/v1 linux/x86_64', 'linux/386']],
  [
    'linux/amd64/v3',
    ['linux/amd64/v3', 'linux/amd64/v2', 'linux/amd64 linux/amd64/v1 linux/x86_64', 'linux/386'],
  ],
  ['linux/arm', ['linux/arm linux/arm/v7 linux/armhf', 'linux/arm/v6', 'linux/arm/v5']],
  ['linux/arm/v5', ['linux/arm/v5']],
  ['linux/arm/v6', ['linux/arm/v6', 'linux/arm/v5']],
  ['linux/arm/v7', ['linux/arm linux/arm/v7 linux/armhf', 'linux/arm/v6', 'linux/arm/v5']],
  ['linux/arm/v8', ['linux/arm/v8', 'linux/arm linux/arm/v7 linux/armhf', 'linux/arm/v6', 'linux/arm/v5']],
  [
    'linux/arm64',
    [
      'linux/arm64 linux/arm64/v8 linux/aarch64',
      'linux/arm/v8',
      'linux/arm linux/arm/v7 linux/armhf',
      'linux/arm/v6',
      'linux/arm/v5',
    ],
  ],
  [
    'linux/arm64/v8',
    [
      'linux/arm64 linux/arm64/v8 linux/aarch64',
      'linux/arm/v8',
      'linux/arm linux/arm/v7 linux/armhf',
      'linux/arm/v6',
      'linux/arm/v5',
    ],
  ],
  [
    'linux/arm64/v8.2',
    [
      'linux/arm64/v8.1',
      'linux/arm64 linux/arm64/v8 linux/aarch64',
      'linux/arm/v8',
      'linux/arm linux/arm/v7 linux/armhf',
      'linux/arm/v6',
      'linux/arm/v5',
    ],
  ],
  [
    'linux/arm64/v9',
    [
      'linux/arm64/v9',
      'linux/arm64/v8.1',
      'linux/arm64 linux/arm64/v8 linux/aarch64',
      'linux/arm/v8',
      'linux/arm linux/arm/v7 linux/armhf',
      'linux/arm/v6',
      'linux/arm/v5',
    ],
  ],
  [
    'linux/arm64/v9.1',
    [
      'linux/arm64/v9',
      'linux/arm64/v8.1',
      'linux/arm64 linux/arm64/v8 linux/aarch64',
      'linux/arm/v8',
      'linux/arm linux/arm/v7 linux/armhf',
      'linux/arm/v6',
      'linux/arm/v5',
    ],
  ],
  ['linux/ppc64le', ['linux/ppc64le']],
  ['linux/riscv64', ['linux/riscv64']],
  ['linux/s390x', ['linux/s390x']],
  ['windows/amd64', ['windows/amd64']],
] as const;

function one(text: string): Platform {
  const [platform] = parsePlatforms(text);
  if (platform === undefined || typeof platform === 'string') throw new Error(`${text} is no platform`);
  return platform;
}

function entry(text: string): Platform {
  const [os, architecture, variant] = text.split('/');
  const platform = readPlatform({ os, architecture, variant });
  if (platform === undefined) throw new Error(`${text} is no platform`);
  return platform;
}

describe('a platform', () => {
  it.each(parsed)('%j is %s', (text, normal) => {
    expect(platformText(one(text))).toBe(normal);
  });

  it.each([
    '',
    '/amd64',
    'banana',
    'lin ux/amd64',
    'linux/',
    'linux/*',
    'linux//v7',
    'linux/amd64/v1/x',
    'a,,b',
    'all,linux/amd64',
  ])('%j is none', (text) => {
    expect(() => parsePlatforms(text)).toThrow(PlatformSyntaxError);
  });

  it.each(order)('%s runs what containerd would run there', (machine, expected) => {
    const groups: string[][] = [];
    for (const text of entries) {
      const rank = suitability(one(machine), entry(text));
      if (rank !== undefined) (groups[rank] ??= []).push(text);
    }
    expect(groups.flatMap((group) => [group.join(' ')])).toEqual(expected);
  });

  it('of a version that is not known runs itself alone', () => {
    expect(runnable(one('linux/arm64/v12')).map(platformText)).toEqual(['linux/arm64/v12']);
  });

  it('is in a list once, however it is written, and "all" stands alone', () => {
    expect(parsePlatforms('linux/amd64, linux/arm64/v8,linux/x86_64,arm64')).toEqual([
      { os: 'linux', architecture: 'amd64' },
      { os: 'linux', architecture: 'arm64' },
    ]);
    expect(parsePlatforms('all')).toBe('all');
  });

  it('of this machine is one of Linux, and what "linux" means', () => {
    expect(platformText(thisPlatform())).toMatch(/^linux\/(?!x64|ia32)[a-z0-9]+/);
    expect(one('linux')).toEqual(thisPlatform());
  });

  it.each([undefined, 'linux/amd64', {}, { os: 'linux' }, { os: 1, architecture: 'amd64' }])(
    'is not in %j',
    (json) => {
      expect(readPlatform(json)).toBeUndefined();
    },
  );
});
