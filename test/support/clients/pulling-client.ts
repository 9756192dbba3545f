import { digestOf, type Digest } from '../../../src/oci/digest.ts';
import type { Descriptor } from '../../../src/oci/manifest.ts';
import type { Account, ReplayedClient } from './replayed-client.ts';

/** What a client pulls, and what it has. */
export interface PullRequest {
  readonly origin: string;
  readonly repository: string;
  readonly tag: string;
  /** Go's name of the machine's architecture; the system is Linux. */
  readonly architecture: string;
  readonly account?: Account | undefined;
  /** Layers that it has from other images. */
  readonly has?: ReadonlySet<Digest> | undefined;
}

/** A client whose requests are sent as the real one sends them. */
export interface PullingClient {
  /** Its name and version, as it states them. */
  readonly name: string;
  /** Pulls an image; rejects where the real client gives up. Each byte is checked. */
  readonly pull: (request: PullRequest) => Promise<ReplayedClient>;
}

/** A descriptor of an index or a manifest, as clients read it. */
export interface ListedDescriptor extends Descriptor {
  readonly platform?: { readonly architecture: string; readonly os: string };
  readonly annotations?: Readonly<Record<string, string>>;
}

interface Document {
  readonly manifests?: readonly ListedDescriptor[];
  readonly config?: Descriptor;
  readonly layers?: readonly Descriptor[];
}

/** What an index lists. */
export function listed(bytes: Buffer): readonly ListedDescriptor[] {
  return (JSON.parse(bytes.toString()) as Document).manifests ?? [];
}

/** The config of a manifest and its layers. */
export function named(bytes: Buffer): {
  readonly config: Descriptor;
  readonly layers: readonly Descriptor[];
} {
  const { config, layers = [] } = JSON.parse(bytes.toString()) as Document;
  if (config === undefined) throw new Error('no manifest of an image');
  return { config, layers };
}

/** The manifest for a machine. */
export function platformOf(entries: readonly ListedDescriptor[], architecture: string): ListedDescriptor {
  const found = entries.find(({ platform }) => platform?.architecture === architecture);
  if (found === undefined) throw new Error(`nothing for ${architecture}`);
  return found;
}

/** Fails unless these are the bytes of that digest. */
export function check(bytes: Buffer, digest: string): void {
  if (digestOf(bytes) !== digest) throw new Error(`what came is not ${digest}`);
}

/** Does the same for each, several at a time, in their order. */
export async function severally<T>(
  atATime: number,
  items: readonly T[],
  work: (item: T) => Promise<unknown>,
): Promise<void> {
  const left = [...items];
  const worker = async (): Promise<void> => {
    for (let item = left.shift(); item !== undefined; item = left.shift()) await work(item);
  };
  await Promise.all(Array.from({ length: atATime }, worker));
}
