import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import type { ByteSource } from '../cache/transfer/image-source.ts';

const bytesType = 'application/octet-stream';

/** Bytes read at a time. */
const chunkLength = 512 * 1024;

/**
 * Sends the rest of a content, reading ahead by one chunk. Resolves when the client has it or is gone. An error after
 * the head can only be told by ending the connection: rejects with it.
 *
 * @param length bytes from the offset that `source` is at
 */
export async function sendContent(
  response: ServerResponse,
  source: ByteSource,
  length: number,
): Promise<void> {
  response.writeHead(200, { 'Content-Type': bytesType, 'Content-Length': length });
  const closed = new AbortController();
  response.once('close', () => closed.abort());
  const buffers = [Buffer.allocUnsafe(chunkLength), Buffer.allocUnsafe(chunkLength)] as const;
  try {
    let sent = Promise.resolve();
    for (let turn = 0; !closed.signal.aborted; turn = 1 - turn) {
      const buffer = buffers[turn === 0 ? 0 : 1];
      const read = await source.read(buffer);
      await sent;
      if (read === 0) break;
      sent = write(response, buffer.subarray(0, read), closed.signal);
    }
    if (closed.signal.aborted) return;
    response.end();
    await once(response, 'finish', closed);
  } catch (error) {
    if (closed.signal.aborted) return;
    response.destroy();
    throw error;
  }
}

/** Resolves when the bytes are the system's, and their buffer is free again; or when the client is gone. */
function write(response: ServerResponse, bytes: Buffer, closed: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    closed.addEventListener('abort', () => resolve(), { once: true });
    response.write(bytes, () => resolve());
  });
}
