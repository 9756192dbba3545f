import { ArchiveError } from './archive-error.ts';

/** An entry whose bytes are not what its name says. */
export function damaged(file: string, entry: string): ArchiveError {
  return new ArchiveError(file, entry, 'is damaged: its bytes are not what its digest says');
}
