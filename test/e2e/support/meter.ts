import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net';

/** Stands before a server and counts the bytes that it sends. */
export class Meter implements AsyncDisposable {
  readonly #server: Server;
  readonly #sockets = new Set<Socket>();
  #bytes = 0;

  private constructor({ hostname, port }: URL) {
    this.#server = createServer((client) => {
      const server = connect({ host: hostname, port: Number(port) });
      for (const socket of [client, server]) {
        this.#sockets.add(socket);
        socket.on('error', () => {
          client.destroy();
          server.destroy();
        });
        socket.once('close', () => this.#sockets.delete(socket));
      }
      server.on('data', (chunk) => {
        this.#bytes += chunk.length;
      });
      client.pipe(server).pipe(client);
    });
  }

  /** @param origin of the server, over plain HTTP */
  static async before(origin: string): Promise<Meter> {
    const meter = new Meter(new URL(origin));
    await new Promise<void>((resolve) => {
      meter.#server.listen(0, '127.0.0.1', resolve);
    });
    return meter;
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** The bytes since the last reading. */
  read(): number {
    const bytes = this.#bytes;
    this.#bytes = 0;
    return bytes;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }
}
