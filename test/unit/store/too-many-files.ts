import { open, type FileHandle } from 'node:fs/promises';
import { parseDigest } from '../../../src/oci/digest.ts';
import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';
import { StoreError } from '../../../src/store/store-error.ts';

// Opens files until there can be no more, and says as JSON what the store in argv[2] makes of it, and of the
// blob argv[3].
const [, , root = '', text = ''] = process.argv;
const digest = parseDigest(text);
if (digest === undefined) throw new Error(`not a digest: ${text}`);
const store = await FilesystemContentStore.open(root);
// The thread that verifies is there already: to start one takes files, too.
await store.verify(digest);

async function failureOf(name: string, operation: () => Promise<unknown>): Promise<string> {
  try {
    await operation();
    return `${name}: done`;
  } catch (error) {
    if (!(error instanceof StoreError)) throw error;
    const { cause } = error;
    return [`${name}:`, error.code, cause instanceof Error && 'code' in cause ? String(cause.code) : '']
      .join(' ')
      .trim();
  }
}

const opened: FileHandle[] = [];
try {
  for (;;) opened.push(await open('/dev/null'));
} catch {
  // That is what was wanted.
}
const crowded = [
  await failureOf('open', () => store.open(digest)),
  await failureOf('ingest', () => store.ingest(digest)),
  await failureOf('check', () => store.check()),
  await failureOf('verify', () => store.verify(digest)),
];
for (const file of opened) await file.close();
const ingest = await store.ingest(digest);
await ingest.commit();
await ingest.close();
process.stdout.write(
  JSON.stringify({ crowded, after: [await store.verify(digest), await store.size(digest)] }),
);
await store.close();
