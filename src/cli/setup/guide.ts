import type { LocalFile } from './files/local-file.ts';
import type { ClientVersion } from './client-version.ts';
import type { MirrorAddress } from './mirror-address.ts';

/** Something to be put where Entrepot cannot reach. */
export interface Snippet {
  /** Where to. */
  readonly title: string;
  readonly text: string;
}

/** A sentence or two for the reader, followed by lines of code; false or undefined for nothing to say. */
export type Note = string | false | undefined;

/** All that a client needs to pull through the mirror. */
export interface Guide {
  readonly files?: readonly LocalFile[];
  readonly snippets?: readonly Snippet[];
  /** Commands that make the client read the files, and that check the result. */
  readonly commands?: readonly string[];
  /** What was decided for the reader; also told after the files were written. */
  readonly decision?: Note;
  readonly notes: readonly Note[];
}

/** @param version of the client; undefined when it is not known, or makes no difference */
export type MakeGuide = (mirror: MirrorAddress, version?: ClientVersion) => Guide;
