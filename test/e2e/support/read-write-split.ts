import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/**
 * A registry whose writes go to one place and whose reads to another: for programs that push what they then pull, when what
 * is pulled from takes no pushes. An upload's own state (`GET …/blobs/uploads/…`) belongs to the writes.
 */
export class ReadWriteSplit implements AsyncDisposable {
  readonly #server: Server;

  private constructor(server: Server) {
    this.#server = server;
  }

  static async start({ reads, writes }: { reads: string; writes: string }): Promise<ReadWriteSplit> {
    const server = createServer((incoming, outgoing) => {
      const isRead = ['GET', 'HEAD'].includes(incoming.method ?? '') && !isUpload(incoming);
      forward(incoming, outgoing, isRead ? reads : writes);
    });
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return new ReadWriteSplit(server);
  }

  /** Host and port. */
  get host(): string {
    const { port } = this.#server.address() as AddressInfo;
    return `127.0.0.1:${port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }
}

function isUpload({ url = '' }: IncomingMessage): boolean {
  return url.includes('/blobs/uploads/');
}

/** Hands on a request and its answer, headers as they are. */
function forward(incoming: IncomingMessage, outgoing: ServerResponse, origin: string): void {
  const { method, headers } = incoming;
  const onward = request(new URL(incoming.url ?? '/', origin), { method, headers }, (answer) => {
    outgoing.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
    answer.on('error', () => outgoing.destroy()).pipe(outgoing);
  });
  onward.on('error', () => outgoing.destroy());
  incoming.pipe(onward);
}
