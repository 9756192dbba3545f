import { X509Certificate } from 'node:crypto';
import { readdir, readFile, readlink } from 'node:fs/promises';
import { join } from 'node:path';
import { createSecureContext, getCACertificates, type SecureContext } from 'node:tls';
import { getOrMake } from '../base/get-or-make.ts';

/** Where a system keeps the authorities that all its programs trust. */
export interface SystemStores {
  /** Bundles, of which the first that can be read counts. */
  readonly files: readonly string[];
  /** Folders of certificates, all of which count. */
  readonly directories: readonly string[];
}

const pemPattern = /-----BEGIN CERTIFICATE-----[^-]*-----END CERTIFICATE-----/g;

/** Systems whose store is no file: Node asks them. */
const askedByNode: ReadonlySet<string> = new Set(['darwin', 'win32']);

/**
 * The authorities for upstreams' certificates: Node's, those in `NODE_EXTRA_CA_CERTS`, the system's, and
 * those configured for an upstream. As in Go, each is trusted as it is, root or not.
 */
export class Authorities {
  readonly #system: readonly string[];
  readonly #contexts = new Map<string, SecureContext>();

  /** @param system those of the system, in PEM form */
  constructor(system: readonly string[]) {
    this.#system = system;
  }

  /** Reads the system's; what cannot be read counts as none. Rejects with too many files open. */
  static async load(stores: SystemStores): Promise<Authorities> {
    if (askedByNode.has(process.platform)) return new Authorities(getCACertificates('system'));
    const texts = [await firstOf(stores.files)];
    for (const directory of stores.directories) texts.push(...(await allOf(directory)));
    // A bundle holds what the folder beside it has in single files.
    return new Authorities(distinct(texts.flatMap((text) => text.match(pemPattern) ?? [])));
  }

  /**
   * What connections check certificates with, made once for each `ca`: reading 200 certificates takes 10 ms.
   * @param ca more authorities, in PEM form
   */
  context(ca: string | undefined): SecureContext {
    const key = ca ?? '';
    return getOrMake(this.#contexts, key, () =>
      contextOf(
        distinct([...getCACertificates('default'), ...this.#system, ...(key.match(pemPattern) ?? [])]),
      ),
    );
  }
}

function distinct(certificates: readonly string[]): readonly string[] {
  return [...new Map(certificates.map((pem) => [pem.replace(/\s+/g, ''), pem])).values()];
}

function contextOf(certificates: readonly string[]): SecureContext {
  const context = (trusted: readonly string[]): SecureContext =>
    createSecureContext({ ca: trusted.join('\n'), allowPartialTrustChain: true });
  try {
    return context(certificates);
  } catch {
    // One file of the system's that holds nonsense must not cost all the others.
    return context(certificates.filter(isCertificate));
  }
}

function isCertificate(pem: string): boolean {
  try {
    return new X509Certificate(pem).raw.length > 0;
  } catch {
    return false;
  }
}

async function firstOf(files: readonly string[]): Promise<string> {
  for (const file of files) {
    const text = await textOf(file);
    if (text !== undefined) return text;
  }
  return '';
}

/** The files of a folder, without links within it: these are other names for the same ones. */
async function allOf(directory: string): Promise<readonly string[]> {
  const texts: string[] = [];
  for (const entry of (await unlessMissing(() => readdir(directory, { withFileTypes: true }))) ?? []) {
    const file = join(directory, entry.name);
    const isLink = entry.isSymbolicLink();
    if (!isLink && !entry.isFile()) continue;
    if (isLink && (await unlessMissing(() => readlink(file)))?.includes('/') !== true) continue;
    const text = await textOf(file);
    if (text !== undefined) texts.push(text);
  }
  return texts;
}

function textOf(file: string): Promise<string | undefined> {
  return unlessMissing(() => readFile(file, 'latin1'));
}

/** Of what passes: the next try may succeed. */
const passing: ReadonlySet<unknown> = new Set(['EMFILE', 'ENFILE', 'ENOMEM']);

/** Undefined for what is not there, may not be read, or is no file. */
async function unlessMissing<Result>(read: () => Promise<Result>): Promise<Result | undefined> {
  try {
    return await read();
  } catch (error) {
    if (error instanceof Error && 'code' in error && passing.has(error.code)) throw error;
    return undefined;
  }
}
