import type { IncomingMessage } from 'node:http';
import type { ByteSource, ImageSource } from '../cache/transfer/image-source.ts';
import { unavailable, type ControlClient } from './control-client.ts';
import { operations } from './operations.ts';

/** The images of the server that has the data folder, through its control socket. */
export function remoteImageSource(client: ControlClient): ImageSource {
  return {
    images: (request) => client.ask(operations.imageContents, request),
    async open(digest, offset = 0) {
      const response = await client.content(digest, offset);
      return response && new ReceivedBytes(response, offset);
    },
  };
}

class ReceivedBytes implements ByteSource {
  readonly size: number;
  readonly #response: IncomingMessage;
  readonly #chunks: AsyncIterator<Buffer>;
  #chunk: Buffer = Buffer.alloc(0);

  constructor(response: IncomingMessage, offset: number) {
    this.size = offset + Number(response.headers['content-length']);
    this.#response = response;
    this.#chunks = (response as AsyncIterable<Buffer>)[Symbol.asyncIterator]();
  }

  async read(buffer: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < buffer.length) {
      if (this.#chunk.length === 0) {
        const next = await this.#chunks.next().catch((error: unknown) => {
          throw unavailable(error);
        });
        if (next.done === true) break;
        this.#chunk = next.value;
      }
      const copied = this.#chunk.copy(buffer, filled);
      this.#chunk = this.#chunk.subarray(copied);
      filled += copied;
    }
    return filled;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#response.destroy();
    return Promise.resolve();
  }
}
