import { chmod, mkdir, readFile, rm } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { errnoOf, unlessMissing } from '../../store/file-error.ts';
import { makeFolder, syncFolder } from '../../store/folder.ts';
import { CertificateAuthority, type Issued } from './certificate-authority.ts';
import { SetupError } from '../setup-error.ts';
import { writeDurably } from '../staged-file.ts';
import { KeyError, newKey } from './private-key.ts';
import type { SubjectName } from './subject-name.ts';

const secret = 0o600;
const open = 0o644;

/** What a run has left in the folder. */
export interface TlsFiles extends Issued {
  readonly authority: { readonly isNew: boolean; readonly expiresAt: Date };
}

/**
 * The authority's and the server's keys and certificates in one folder. A key is written before its
 * certificate and never replaced, so that no crash leaves a certificate beside another key.
 */
export class TlsFolder {
  readonly path: string;
  readonly authorityKey: string;
  readonly authorityCertificate: string;
  readonly serverKey: string;
  readonly serverCertificate: string;

  /** @param path absolute */
  constructor(path: string) {
    this.path = path;
    this.authorityKey = join(path, 'ca.key');
    this.authorityCertificate = join(path, 'ca.crt');
    this.serverKey = join(path, 'server.key');
    this.serverCertificate = join(path, 'server.crt');
  }

  /**
   * Makes a new server certificate, and whatever of the rest is not there.
   * @throws {SetupError} when what is there cannot be used
   */
  async issue(
    owner: string,
    names: readonly [SubjectName, ...SubjectName[]],
    days: number,
    now: number,
  ): Promise<TlsFiles> {
    await this.#make();
    const { authority, isNew } = await this.#authority(owner, now);
    const key = await this.#key(this.serverKey);
    const issued = await authority
      .issue(key, names, days, now)
      .catch(explain(`${this.serverKey} cannot be used`, 'remove it, and a new one is made'));
    await writeDurably(this.serverCertificate, issued.certificate, open);
    return { ...issued, authority: { isNew, expiresAt: authority.expiresAt } };
  }

  /** Removes all four, certificates before their keys. */
  async clear(): Promise<void> {
    const files = [this.serverCertificate, this.serverKey, this.authorityCertificate, this.authorityKey];
    for (const file of files) await rm(file, { force: true });
    await unlessMissing(syncFolder(this.path));
  }

  async #make(): Promise<void> {
    await makeFolder(dirname(this.path));
    try {
      await mkdir(this.path);
    } catch (error) {
      if (errnoOf(error) === 'EEXIST') return;
      throw error;
    }
    // A permissive umask would let others put a key of theirs in place of ours.
    await chmod(this.path, 0o755);
    await syncFolder(dirname(this.path));
  }

  async #authority(owner: string, now: number): Promise<{ authority: CertificateAuthority; isNew: boolean }> {
    const certificate = await unlessMissing(readFile(this.authorityCertificate, 'utf8'));
    const advice = 'use --force for a new authority, which every client must then be given';
    if (certificate === undefined) {
      const authority = await CertificateAuthority.create(
        owner,
        await this.#key(this.authorityKey),
        now,
      ).catch(explain(`${this.authorityKey} cannot be used`, advice));
      await writeDurably(this.authorityCertificate, authority.certificate, open);
      return { authority, isNew: true };
    }
    const key = await unlessMissing(readFile(this.authorityKey, 'utf8'));
    if (key === undefined) {
      throw new SetupError(
        `${this.authorityCertificate} is there without its key ${this.authorityKey}: put it back, or ${advice}`,
      );
    }
    try {
      return { authority: CertificateAuthority.load({ key, certificate }, now), isNew: false };
    } catch (error) {
      return explain(`the authority in ${this.path} cannot be used`, advice)(error);
    }
  }

  /** The key in `file`, made if there is none. */
  async #key(file: string): Promise<string> {
    const there = await unlessMissing(readFile(file, 'utf8'));
    if (there !== undefined) {
      // It may have been copied here with a wider mode.
      await chmod(file, secret);
      return there;
    }
    const key = newKey();
    await writeDurably(file, key, secret);
    return key;
  }
}

function explain(what: string, advice: string): (error: unknown) => never {
  return (error) => {
    if (error instanceof KeyError) {
      throw new SetupError(`${what}: ${error.message}; ${advice}`, { cause: error });
    }
    throw error;
  };
}
