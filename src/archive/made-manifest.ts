import { isObject, readDocument } from '../oci/manifest.ts';

/**
 * The annotation of a manifest that was made here for an image of which an archive had none. It says what kind of
 * archive that was, and stays with the image wherever it is carried.
 */
export const madeFrom = 'entrepot.made-from';

/** Whether a manifest was made here: no registry knows its digest. */
export function isMade(bytes: Uint8Array): boolean {
  const { annotations } = readDocument(bytes);
  return isObject(annotations) && madeFrom in annotations;
}
