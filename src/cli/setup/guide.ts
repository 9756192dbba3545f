import type { Edit } from './files/edit.ts';
import type { MirrorAddress } from './mirror-address.ts';

/** A file on the machine of the client. */
export interface LocalFile {
  /** Absolute, unless it belongs into the folder in which one works. */
  readonly path: string;
  readonly edit: Edit;
}

/** Something to be put where Entrepot cannot reach. */
export interface Excerpt {
  /** Where to. */
  readonly title: string;
  readonly text: string;
}

/** All that a client needs to pull through the mirror. */
export interface Guide {
  readonly files: readonly LocalFile[];
  readonly excerpts: readonly Excerpt[];
  /** Commands that make the client take notice, and that check it. */
  readonly after: readonly string[];
  /** What one should know, a sentence or two each. */
  readonly notes: readonly string[];
}

export type GuideTo = (mirror: MirrorAddress) => Guide;
