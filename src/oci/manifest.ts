import { parseDigest, type Digest } from './digest.ts';
import { bareMediaType, dockerImageConfig, manifestMediaTypes, mediaTypes } from './media-type.ts';

/** The largest manifest that registries take, in bytes (distribution-spec, "Pushing Manifests"). */
export const maxManifestBytes = 4 * 1024 * 1024;

/** A named piece of content: what it is, its digest, its size in bytes. */
export interface Descriptor {
  readonly mediaType: string;
  readonly digest: Digest;
  readonly size: number;
}

/** A manifest that refers to another one by its `subject`, as the referrers API lists it. */
export interface ReferrerDescriptor extends Descriptor {
  readonly artifactType?: string | undefined;
  readonly annotations?: Readonly<Record<string, string>> | undefined;
}

/** A manifest exactly as upstream sent it. */
export interface Manifest extends Descriptor {
  readonly bytes: Buffer;
}

/** What a manifest names. */
export interface ManifestContents {
  /** `mediaType` as the body states it, if it does. */
  readonly mediaType: string | undefined;
  /** Manifests that an index lists. */
  readonly children: readonly Descriptor[];
  /** Config and layers, without foreign layers (those with `urls`), which clients fetch elsewhere. */
  readonly blobs: readonly Descriptor[];
  readonly subject: Digest | undefined;
  readonly artifactType: string | undefined;
  /** Whether it has anything at all of a manifest, or of an index. */
  readonly isManifest: boolean;
}

/** Thrown for bytes that are no manifest of a type we store. */
export class ManifestSyntaxError extends Error {
  override readonly name = 'ManifestSyntaxError';
  readonly code = 'MANIFEST_SYNTAX';
}

/** Thrown for a manifest of a type that is not stored here. */
export class UnsupportedManifestError extends ManifestSyntaxError {}

export type JsonObject = Readonly<Record<string, unknown>>;

export function isObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** A text that says something, or undefined. */
export function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined;
}

interface ParsedDescriptor extends Descriptor {
  /** Whether it has `urls`. */
  readonly foreign: boolean;
  /** All that it says. */
  readonly json: JsonObject;
}

/** @throws {ManifestSyntaxError} naming `where` */
export function descriptor(value: unknown, where: string): ParsedDescriptor {
  if (!isObject(value)) throw new ManifestSyntaxError(`${where} is not a descriptor`);
  const digest = typeof value['digest'] === 'string' ? parseDigest(value['digest']) : undefined;
  if (digest === undefined) throw new ManifestSyntaxError(`${where} has no valid digest`);
  const size = value['size'];
  if (typeof size !== 'number' || !Number.isSafeInteger(size) || size < 0) {
    throw new ManifestSyntaxError(`${where} has no valid size`);
  }
  const urls = value['urls'];
  return {
    mediaType: text(value['mediaType']) ?? 'application/octet-stream',
    digest,
    size,
    foreign: Array.isArray(urls) && urls.length > 0,
    json: value,
  };
}

/**
 * The descriptors that a document lists under `key`; none where there is no such list.
 * @throws {ManifestSyntaxError} naming the list, or the item
 */
export function descriptors(document: JsonObject, key: string): readonly ParsedDescriptor[] {
  const list = document[key] ?? [];
  if (!Array.isArray(list)) throw new ManifestSyntaxError(`${key} is not a list`);
  return list.map((item: unknown, index) => descriptor(item, `${key}[${index}]`));
}

function plain({ mediaType, digest, size }: Descriptor): Descriptor {
  return { mediaType, digest, size };
}

/** @throws {ManifestSyntaxError} when the bytes are no JSON object */
export function readDocument(bytes: Uint8Array): JsonObject {
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw new ManifestSyntaxError('not a JSON document', { cause });
  }
  if (!isObject(json)) throw new ManifestSyntaxError('not a JSON object');
  return json;
}

const manifestKeys = ['schemaVersion', 'mediaType', 'manifests', 'config', 'layers', 'blobs'];

/**
 * Reads what a manifest or index names. The bytes themselves are kept and served untouched.
 * @throws {ManifestSyntaxError} when they are no JSON object or a descriptor in them is malformed
 * @see https://github.com/opencontainers/image-spec/blob/main/manifest.md
 */
export function readManifest(bytes: Uint8Array): ManifestContents {
  const json = readDocument(bytes);
  const children = descriptors(json, 'manifests').map(plain);
  const config = json['config'];
  const blobs = [
    ...(isObject(config) ? [descriptor(config, 'config')] : []),
    ...descriptors(json, 'layers'),
    ...descriptors(json, 'blobs'),
  ];
  const subject = json['subject'];
  return {
    mediaType: text(json['mediaType']),
    children,
    blobs: blobs.filter(({ foreign }) => !foreign).map(plain),
    subject: isObject(subject) ? descriptor(subject, 'subject').digest : undefined,
    artifactType: text(json['artifactType']) ?? (isObject(config) ? text(config['mediaType']) : undefined),
    isManifest: manifestKeys.some((key) => key in json),
  };
}

/**
 * The type to store a manifest under: what the bytes say, else their shape. They are stored once for all
 * repositories, and any type may come with them; upstream's `Content-Type` counts only where the bytes leave
 * it open, and makes no manifest of, say, a gateway's error.
 * @throws {UnsupportedManifestError} for a type that Entrepot does not store, such as Docker's schema 1
 * @throws {ManifestSyntaxError} for a document that is neither a manifest nor an index
 */
export function manifestMediaType(contentType: string | undefined, contents: ManifestContents): string {
  const { mediaType } = contents;
  const stated = contentType === undefined ? '' : bareMediaType(contentType);
  if (stated.startsWith('application/vnd.docker.distribution.manifest.v1')) {
    throw new UnsupportedManifestError('Docker schema 1 manifests are not supported');
  }
  if (mediaType !== undefined && manifestMediaTypes.includes(mediaType)) return mediaType;
  const shape = mediaType === undefined ? typeOfShape(contents, stated) : undefined;
  if (shape !== undefined) return shape;
  if (contents.isManifest && manifestMediaTypes.includes(stated)) return stated;
  if (mediaType !== undefined) {
    throw new UnsupportedManifestError(`manifests of type ${mediaType.slice(0, 100)} are not supported`);
  }
  throw new ManifestSyntaxError('the document is neither a manifest nor an index');
}

/** The type of a manifest that names none, as OCI allows; undefined where its shape does not tell. */
function typeOfShape(
  { children, blobs, artifactType }: ManifestContents,
  stated: string,
): string | undefined {
  if (children.length > 0) return mediaTypes.ociIndex;
  if (blobs.length === 0) return undefined;
  const { ociManifest, ociArtifact, dockerManifest } = mediaTypes;
  // So it is the config's that tells them apart.
  if (artifactType === dockerImageConfig) return stated === ociManifest ? ociManifest : dockerManifest;
  return stated === ociArtifact ? ociArtifact : ociManifest;
}
