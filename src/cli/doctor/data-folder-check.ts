import { randomUUID } from 'node:crypto';
import { rm, stat, statfs, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { judge, type Headroom, type SpaceLimits } from '../../cache/space/limits.ts';
import { errnoOf, unlessMissing } from '../../store/file-error.ts';
import { ok, problem, warning, type Finding } from './check.ts';
import { byteSizeText } from '../../base/byte-size.ts';

const mib = 2 ** 20;

/** Less room than this is a problem: one large image fills it. In bytes. */
const leastRoom = 1024 * mib;
/** Less than this of the whole, and less than {@link comfortable}, is a warning. */
const lowShare = 0.05;
const comfortable = 10 * 1024 * mib;

/**
 * What statfs calls file systems that do not do what a store needs.
 * @see https://man7.org/linux/man-pages/man2/statfs.2.html
 */
const doubtful: ReadonlyMap<number, readonly [name: string, advice: string]> = new Map(
  (
    [
      [[0x6969], 'NFS', 'network'],
      [[0xff534d42, 0xfe534d42, 0x517b], 'SMB', 'network'],
      [[0x01021997], '9p', 'network'],
      [[0x794c7630], 'overlayfs', 'container'],
      [[0x01021994, 0x858458f6], 'tmpfs', 'memory'],
    ] as const
  ).flatMap(([types, name, kind]) => types.map((type) => [type, [name, adviceFor(kind)]] as const)),
);

function adviceFor(kind: 'network' | 'container' | 'memory'): string {
  switch (kind) {
    case 'network':
      return "SQLite cannot rely on a network file system's locks: keep the data on a local disk";
    case 'container':
      return 'what a container writes into its own layer is lost with it: mount a volume there';
    case 'memory':
      return 'it is in memory, and lost when the machine stops: keep the data on a disk';
  }
}

/** What the check wants to know of a file system; sizes in bytes. */
export interface FileSystem {
  /** As statfs has it. */
  readonly type: number;
  readonly size: number;
  /** For this user. */
  readonly free: number;
  /** 0 where there is no fixed number of files. */
  readonly files: number;
  readonly freeFiles: number;
}

/** The file system that holds `path`. */
async function fileSystemOf(path: string): Promise<FileSystem> {
  const { type, bsize, blocks, bavail, files, ffree } = await statfs(path);
  return { type, size: blocks * bsize, free: bavail * bsize, files, freeFiles: ffree };
}

/**
 * Is there a folder to store in, and room in it?
 * @param folder absolute
 */
export async function checkDataFolder(
  folder: string,
  limits: SpaceLimits,
  fileSystemAt: (path: string) => Promise<FileSystem> = fileSystemOf,
): Promise<readonly Finding[]> {
  const there = await nearest(folder);
  if (!there.isFolder) return [problem(`${there.path} is not a folder`, 'move it out of the way')];
  const refusal = await tryToWrite(there.path);
  if (refusal !== undefined) return [refusal];
  const fileSystem = await fileSystemAt(there.path);
  const headroom = judge(0, fileSystem, { total: 0, unwritten: 0 }, limits);
  const isNew = there.path !== folder;
  return [
    judgeRoom(`${folder}${isNew ? ' will be made' : ''}`, fileSystem, isNew, headroom),
    ...inodes(fileSystem, headroom),
    ...fileSystemType(fileSystem),
  ];
}

function judgeRoom(
  folder: string,
  { size, free }: FileSystem,
  isNew: boolean,
  headroom: readonly Headroom[],
): Finding {
  const maxsize = headroom.find(({ limit }) => limit === 'maxsize');
  const { value: kept = 0, left: room = free } = headroom.find(({ limit }) => limit === 'minfree') ?? {};
  const most = maxsize === undefined ? '' : `, ${byteSizeText(maxsize.value)} for images at most`;
  const message = `${folder}, ${byteSizeText(free)} of ${byteSizeText(size)} free${most}`;
  const advice = 'make room, or move storage.filesystem.rootdirectory';
  if (room <= 0 && kept > 0) {
    const short = `${message}, and storage.minfree keeps ${byteSizeText(kept)} so`;
    return isNew
      ? problem(short, `nothing would be stored: ${advice}, or lower storage.minfree`)
      : warning(short, `images go until it is, and nothing is stored if that does not help: ${advice}`);
  }
  // What is there may go for what comes, unless the disk is to be filled up.
  if (!isNew && kept > 0) return ok(message);
  if (room < leastRoom) return problem(message, advice);
  return room < comfortable && room < size * lowShare ? warning(message, advice) : ok(message);
}

function inodes({ freeFiles }: FileSystem, headroom: readonly Headroom[]): readonly Finding[] {
  if (!headroom.some(({ limit, left }) => limit === 'files' && left < 0)) return [];
  const message = `room for ${freeFiles} more files only`;
  const advice = 'its file system has nearly run out of inodes: remove files, or use another one';
  return [freeFiles < 1000 ? problem(message, advice) : warning(message, advice)];
}

function fileSystemType({ type }: FileSystem): readonly Finding[] {
  const known = doubtful.get(type);
  return known === undefined ? [] : [warning(`on ${known[0]}`, known[1])];
}

/** The path, or what is nearest above it. */
async function nearest(path: string): Promise<{ readonly path: string; readonly isFolder: boolean }> {
  for (let at = path; ; at = dirname(at)) {
    try {
      const found = await unlessMissing(stat(at));
      if (found !== undefined) return { path: at, isFolder: found.isDirectory() };
    } catch (error) {
      // Something above it is a file.
      if (errnoOf(error) !== 'ENOTDIR') throw error;
    }
  }
}

/** Permissions do not tell all: root may do everything, except on a disk that is read-only. */
async function tryToWrite(folder: string): Promise<Finding | undefined> {
  const file = join(folder, `.entrepot-doctor-${randomUUID()}`);
  try {
    await writeFile(file, Buffer.alloc(4096), { flag: 'wx' });
    return undefined;
  } catch (error) {
    const errno = errnoOf(error);
    switch (errno ?? '') {
      case 'ENOSPC':
      case 'EDQUOT':
        return problem(`${folder} is full`, 'make room, or move storage.filesystem.rootdirectory');
      case 'EROFS':
        return problem(`${folder} is on a read-only file system`, 'mount it for writing');
      default:
        return problem(
          `${folder} cannot be written to (${errno ?? 'unknown error'})`,
          'give it to the user that Entrepot runs as, and run this as that user',
        );
    }
  } finally {
    await rm(file, { force: true });
  }
}
