import { parseDigest } from '../../../src/oci/digest.ts';
import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';

// Verifies the blob argv[3] in the store argv[2], twice, says what it found, and does not close the store.
const [, , root = '', text = ''] = process.argv;
const digest = parseDigest(text);
if (digest === undefined) throw new Error(`not a digest: ${text}`);
const store = new FilesystemContentStore(root);
process.stdout.write(`${await store.verify(digest)}, ${await store.verify(digest)}\n`);
