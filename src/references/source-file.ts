import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { BadFile } from './bad-file.ts';

/** A text file that may name images. */
export interface SourceFile {
  /**
   * As its user named it: for messages, and to find what lies beside it. `<stdin>` for the standard input.
   */
  readonly path: string;
  /** Where relative paths in it start. */
  readonly folder: string;
  /** Without a byte order mark. */
  readonly text: string;
}

/** Bytes of a file: a rendered cluster has some MiB, and no file by hand comes near. */
const maxFileBytes = 16 * 2 ** 20;

/** What the standard input is called. */
export const stdinPath = '<stdin>';

/**
 * Reads a file; a pipe is read to its end (`-f <(helm template …)`).
 * @throws {BadFile} that it is absent, unreadable, too large, a binary, or not UTF-8
 */
export async function readSourceFile(path: string): Promise<SourceFile> {
  const file = await readOptionalFile(path);
  if (file === undefined) throw bad(path, 'does not exist');
  return file;
}

/**
 * The same for a file that may be absent: undefined then.
 * @throws {BadFile}
 */
export async function readOptionalFile(path: string): Promise<SourceFile | undefined> {
  try {
    await using file = await open(path);
    if ((await file.stat()).isDirectory()) throw bad(path, 'is a folder');
    return await readStream(path, file.createReadStream({ autoClose: false, end: maxFileBytes }));
  } catch (error) {
    if (error instanceof BadFile) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return undefined;
    const denied = code === 'EACCES' || code === 'EPERM';
    throw bad(path, denied ? 'may not be read by this user' : `cannot be read: ${message}`, error);
  }
}

/**
 * Reads what comes from the standard input, or another stream.
 * @throws {BadFile}
 */
export async function readStream(path: string, stream: AsyncIterable<Buffer>): Promise<SourceFile> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of stream) {
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxFileBytes) throw bad(path, `is larger than ${maxFileBytes / 2 ** 20} MiB`);
  }
  const folder = path === stdinPath ? '.' : dirname(path);
  return { path, folder, text: decode(path, Buffer.concat(chunks, length)) };
}

function decode(path: string, bytes: Buffer): string {
  if (bytes[0] === 0xff && bytes[1] === 0xfe) throw bad(path, 'is UTF-16: save it as UTF-8');
  if (bytes.includes(0)) throw bad(path, 'is a binary file');
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch (error) {
    throw bad(path, 'is not UTF-8 text', error);
  }
}

function bad(file: string, message: string, cause?: unknown): BadFile {
  return new BadFile({ file, line: undefined, message }, { cause });
}
