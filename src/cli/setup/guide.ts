import type { Edit } from './files/edit.ts';
import type { ClientVersion } from './client-version.ts';
import type { MirrorAddress } from './mirror-address.ts';

/** A file on the client's machine. */
export interface LocalFile {
  /** Absolute, or relative to the working folder of the user's project. */
  readonly path: string;
  readonly edit: Edit;
}

/** Something to be put where Entrepot cannot reach. */
export interface Snippet {
  /** Where to. */
  readonly title: string;
  readonly text: string;
}

/** All that a client needs to pull through the mirror. */
export interface Guide {
  readonly files: readonly LocalFile[];
  readonly snippets: readonly Snippet[];
  /** Commands that make the client read the files, and that check the result. */
  readonly after: readonly string[];
  /** What was decided for the reader, who should know of it also where the files are written for them. */
  readonly decisions?: readonly string[];
  /** Notes for the reader, a sentence or two each. */
  readonly notes: readonly string[];
}

/** @param version of the client; undefined when it is not known, or makes no difference */
export type GuideTo = (mirror: MirrorAddress, version?: ClientVersion) => Guide;
