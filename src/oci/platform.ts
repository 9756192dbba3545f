import { arch, endianness } from 'node:os';
import { isObject, text } from './manifest.ts';

/** What an image runs on, by Go's names, normalised: `{ os: 'linux', architecture: 'arm', variant: 'v7' }`. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
}

/** The platforms that are wanted of an image: some, or all that it has. */
export type Platforms = readonly Platform[] | 'all';

/** Thrown for a text that is no list of platforms. */
export class PlatformSyntaxError extends Error {
  override readonly name = 'PlatformSyntaxError';
  readonly code = 'PLATFORM_SYNTAX';
}

const osPattern = /^([A-Za-z0-9_-]+)(?:\([A-Za-z0-9_.-]*\))?$/;
const componentPattern = /^[A-Za-z0-9_-][A-Za-z0-9_.-]*$/;

/** What an architecture alone may be; with an operating system before it, any name will do. */
const architectures: ReadonlySet<string> = new Set(
  '386 amd64 arm arm64 loong64 mips mips64 mips64le mipsle ppc64 ppc64le riscv64 s390x wasm'.split(' '),
);

/** Node's names of architectures that are not Go's. */
const goNames: Readonly<Record<string, string>> = { x64: 'amd64', ia32: '386', mipsel: 'mipsle' };

/**
 * What images are pulled for on this machine. Those run Linux on any: elsewhere Docker brings it in a virtual
 * machine.
 */
export function thisPlatform(): Platform {
  const machine = arch();
  if (machine === 'ppc64' && endianness() === 'LE') return normalized('linux', 'ppc64le');
  const { variables } = process.config;
  const armVersion = 'arm_version' in variables ? String(variables.arm_version) : '7';
  return normalized('linux', goNames[machine] ?? machine, machine === 'arm' ? armVersion : undefined);
}

/**
 * The platforms in a list such as `linux/amd64,linux/arm/v7`, each once; or `all`. An architecture alone is
 * that of Linux.
 * @throws {PlatformSyntaxError} naming what is none
 */
export function parsePlatforms(list: string): Platforms {
  const items = list.split(',').map((item) => item.trim());
  if (items.includes('all')) {
    if (items.length > 1) throw new PlatformSyntaxError('"all" stands alone: it has every platform');
    return 'all';
  }
  const byText = new Map(items.map(parsePlatform).map((platform) => [platformText(platform), platform]));
  return [...byText.values()];
}

/** @throws {PlatformSyntaxError} */
function parsePlatform(item: string): Platform {
  const [first = '', architecture, variant, ...more] = item.split('/');
  const [, os] = osPattern.exec(first) ?? [];
  const rest = [architecture, variant].filter((one) => one !== undefined);
  if (os === undefined || more.length > 0 || !rest.every((one) => componentPattern.test(one)))
    throw new PlatformSyntaxError(`"${item}" is no platform: write it as linux/amd64 or linux/arm/v7`);
  if (architecture !== undefined) return normalized(os, architecture, variant);
  if (os.toLowerCase() === 'linux') return thisPlatform();
  const alone = normalized('linux', os);
  if (architectures.has(alone.architecture)) return alone;
  throw new PlatformSyntaxError(`"${item}" is no known architecture: write the platform as linux/amd64`);
}

/** The platform that a descriptor states, or an image's config; undefined for none. */
export function readPlatform(json: unknown): Platform | undefined {
  if (!isObject(json)) return undefined;
  const os = text(json['os']);
  const architecture = text(json['architecture']);
  if (os === undefined || architecture === undefined) return undefined;
  return normalized(os, architecture, text(json['variant']));
}

/** `linux/arm64`, `linux/arm/v7`: one text for all ways to write a platform. */
export function platformText({ os, architecture, variant }: Platform): string {
  return [os, architecture, ...(variant === undefined ? [] : [variant])].join('/');
}

/**
 * What a machine of a platform runs, best first: amd64 also runs 386, ARM all older versions, as containerd
 * has it.
 */
export function runnable(platform: Platform): readonly Platform[] {
  const { os, architecture, variant } = platform;
  const of = (name: string, versions: readonly string[]): Platform[] =>
    versions.map((version) => normalized(os, name, version));
  const version = Number(/^v(\d)$/.exec(variant ?? '')?.[1] ?? NaN);
  switch (architecture) {
    case 'amd64':
      return [...of('amd64', down('v', version, 2)), normalized(os, 'amd64'), normalized(os, '386')];
    case 'arm':
      return version > 5 ? of('arm', down('v', version, 5)) : [platform];
    case 'arm64': {
      const versions = arm64Versions(variant ?? 'v8');
      return versions === undefined ? [platform] : [...of('arm64', versions), ...of('arm', down('v', 8, 5))];
    }
    default:
      return [platform];
  }
}

/** How well a platform suits a machine of another, 0 being best; undefined if it does not run there. */
export function suitability(machine: Platform, offered: Platform): number | undefined {
  const wanted = platformText(offered);
  const place = runnable(machine).findIndex((one) => platformText(one) === wanted);
  return place === -1 ? undefined : place;
}

/** As containerd does; the version of an operating system is left aside. */
function normalized(statedOs: string, stated: string, statedVariant?: string): Platform {
  const os = statedOs.toLowerCase();
  const [architecture, variant] = normalizedArchitecture(stated.toLowerCase(), statedVariant?.toLowerCase());
  const named = { os: os === 'macos' ? 'darwin' : os, architecture };
  return variant === undefined ? named : { ...named, variant };
}

function normalizedArchitecture(
  name: string,
  variant: string | undefined,
): readonly [string, string | undefined] {
  switch (name) {
    case 'i386':
      return ['386', undefined];
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return ['amd64', variant === 'v1' ? undefined : variant];
    case 'aarch64':
    case 'arm64':
      if (variant === '8' || variant === 'v8' || variant === 'v8.0') return ['arm64', undefined];
      return ['arm64', variant === '9' || variant === '9.0' || variant === 'v9.0' ? 'v9' : variant];
    case 'armhf':
      return ['arm', 'v7'];
    case 'armel':
      return ['arm', 'v6'];
    case 'arm':
      return ['arm', variant === undefined ? 'v7' : /^[5-8]$/.test(variant) ? `v${variant}` : variant];
    default:
      return [name, variant];
  }
}

/** `v8.2` runs 8.2 and older; `v9.2` what 8.7 runs, too. Undefined for a version that is not known. */
function arm64Versions(variant: string): readonly string[] | undefined {
  const [, major, minor = '0'] = /^v([89])(?:\.(\d))?$/.exec(variant) ?? [];
  if (major === undefined) return undefined;
  const older = major === '9' ? down('v8.', Math.min(Number(minor) + 5, 9), 0) : [];
  return [...down(`v${major}.`, Number(minor), 0), ...older];
}

/** The versions from one down to another; none where there is none. */
function down(prefix: string, from: number, to: number): readonly string[] {
  return from >= to ? Array.from({ length: from - to + 1 }, (_, index) => `${prefix}${from - index}`) : [];
}
