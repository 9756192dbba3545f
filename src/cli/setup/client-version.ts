/** The version of a client, as far as it decides what goes into its files. */
export interface ClientVersion {
  readonly major: number;
  readonly minor: number;
}

const pattern = /(?:^|\s)v?(\d{1,4})\.(\d{1,4})(?![\d])/u;

/**
 * The first version in a text such as `29.1.3`, `v2.2.0` or what `containerd --version` prints. Undefined
 * when there is none, or only a major one, which says too little.
 */
export function parseClientVersion(text: string): ClientVersion | undefined {
  const [, major, minor] = pattern.exec(text) ?? [];
  return major === undefined || minor === undefined
    ? undefined
    : { major: Number(major), minor: Number(minor) };
}

export function isAtLeast(version: ClientVersion, { major, minor }: ClientVersion): boolean {
  return version.major > major || (version.major === major && version.minor >= minor);
}
