import type { ImageReference } from '../oci/image-reference.ts';
import type { Platform } from '../oci/platform.ts';
import type { FileKind } from './file-kind.ts';

/** Where something stands, as its user named the file. */
interface Place {
  /** `<stdin>` for the standard input. */
  readonly file: string;
  /** From 1. */
  readonly line: number;
}

/** An image that a file names. */
export interface FoundImage extends Place {
  readonly reference: ImageReference;
  readonly kind: FileKind;
  /** What names it there: `FROM`, `service web`, `Deployment shop/web`. */
  readonly reason: string;
  /** The only platform that is asked for, where the file says so. */
  readonly platform: Platform | undefined;
  /**
   * Why it is no failure that no registry has it, as a clause: `it can be built`. Undefined: it must be
   * there.
   */
  readonly optional?: string | undefined;
}

/** What names an image, but only with something that is not in the file. */
export interface Unresolved extends Place {
  /** As it stands in the file. */
  readonly text: string;
  /** Why it cannot be resolved, as a clause: `TAG is not set`. */
  readonly problem: string;
  /** What to give: `--env TAG=…`. Undefined where nothing helps. */
  readonly advice: string | undefined;
}

/** Something about a file, or a line of it. */
export interface Remark {
  readonly file: string;
  /** From 1; undefined where it concerns the whole file. */
  readonly line: number | undefined;
  readonly message: string;
}

/** What a file says, or several of them. */
export interface Found {
  readonly images: readonly FoundImage[];
  readonly unresolved: readonly Unresolved[];
  /** What is worth knowing, and no reason to stop. */
  readonly notes: readonly Remark[];
  /** What cannot be read, or is no image reference. */
  readonly problems: readonly Remark[];
}
