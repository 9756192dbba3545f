import { digestOf } from '../../../src/oci/digest.ts';
import { FilesystemContentStore } from '../../../src/store/filesystem/content-store.ts';
import { noise } from '../../support/image.ts';

// Writes blobs into the store in argv[2], one after the other, until somebody kills it.
const store = await FilesystemContentStore.open(process.argv[2] ?? '');
process.stdout.write('writing\n');
for (let number = 0; ; number = (number + 1) % 20) {
  const bytes = noise(200_000, `crash ${number}`);
  const digest = digestOf(bytes);
  await store.remove(digest);
  const ingest = await store.ingest(digest);
  for (let at = ingest.offset; at < bytes.length; at += 8192) {
    await ingest.write([bytes.subarray(at, at + 8192)]);
  }
  await ingest.commit();
  await ingest.close();
}
