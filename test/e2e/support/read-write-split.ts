import { createServer, request, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { close, listen } from '../../support/local-server.ts';

/**
 * A registry whose writes go to one place and whose reads to another: for programs that push what they then
 * pull, when what is pulled from takes no pushes. An upload's own state (`GET …/blobs/uploads/…`) belongs to
 * the writes.
 */
export class ReadWriteSplit implements AsyncDisposable {
  /** Host and port. */
  readonly host: string;
  readonly #server: Server;

  private constructor(server: Server, host: string) {
    this.#server = server;
    this.host = host;
  }

  static async start({ reads, writes }: { reads: string; writes: string }): Promise<ReadWriteSplit> {
    const server = createServer((incoming, outgoing) => {
      const isRead = ['GET', 'HEAD'].includes(incoming.method ?? '') && !isUpload(incoming);
      forward(incoming, outgoing, isRead ? reads : writes);
    });
    return new ReadWriteSplit(server, await listen(server));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await close(this.#server);
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
