import type { ContentSink, LackingBlob } from '../cache/transfer/content-sink.ts';
import { printImage } from '../cache/transfer/sink-schemas.ts';
import type { ControlClient } from './control-client.ts';
import { onlyItem } from './only-item.ts';
import { operations } from './operations.ts';

/** Blobs that are asked for in one request. */
const batchLength = 10_000;

/** The cache of the server that has the data folder, as a place for content, through its control socket. */
export function remoteContentSink(client: ControlClient): ContentSink {
  return {
    async lacking(repository, blobs) {
      const lacking: LackingBlob[] = [];
      for (let start = 0; start < blobs.length; start += batchLength) {
        const batch = blobs.slice(start, start + batchLength).map(({ digest, size }) => ({ digest, size }));
        const request = { repository: repository ?? null, blobs: batch };
        lacking.push(...(await onlyItem(client.ask(operations.lackingBlobs, request))));
      }
      return lacking;
    },
    putBlob: (blob, bytes) => client.give(blob, bytes),
    async putImage(image) {
      const { tag, pinned } = await onlyItem(client.ask(operations.putImage, printImage(image)));
      return { tag, pinned: pinned ?? undefined };
    },
  };
}
