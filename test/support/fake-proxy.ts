import { createServer, request as ask, type IncomingMessage, type Server } from 'node:http';
import { connect, type AddressInfo, type Socket } from 'node:net';
import type { Duplex } from 'node:stream';

export interface FakeProxyOptions {
  /**
   * Where names lead, as `host:port` each: the proxy's own idea of DNS. What is not in it is asked as it is.
   */
  readonly hosts?: Readonly<Record<string, string>>;
  /** `user:password`; without it nobody is asked for any. */
  readonly credentials?: string;
  /** Answers every CONNECT with this in place of a tunnel. */
  readonly connectStatus?: number;
}

/** Of a head, in bytes. */
const maxHeaderSize = 1024 * 1024;

/** An HTTP proxy: tunnels for CONNECT, requests in absolute form for the rest. */
export class FakeProxy implements AsyncDisposable {
  /** `CONNECT host:port` or `GET http://host/path`, in the order of arrival. */
  readonly requests: string[] = [];
  readonly #options: FakeProxyOptions;
  readonly #server: Server;
  readonly #sockets = new Set<Duplex>();

  private constructor(options: FakeProxyOptions) {
    this.#options = options;
    this.#server = createServer({ maxHeaderSize }, (incoming, outgoing) => {
      this.requests.push(`${incoming.method} ${incoming.url}`);
      if (!this.#admits(incoming)) {
        outgoing.writeHead(407, { 'proxy-authenticate': 'Basic realm="proxy"' }).end();
        return;
      }
      const target = new URL(incoming.url ?? '');
      const [host, port] = this.#resolve(target.host.includes(':') ? target.host : `${target.host}:80`);
      const forwarded = ask(
        {
          host,
          port,
          method: incoming.method,
          path: target.pathname + target.search,
          headers: incoming.headers,
          maxHeaderSize,
        },
        (answer) => {
          outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
          answer.pipe(outgoing);
        },
      );
      forwarded.on('error', () => outgoing.destroy());
      incoming.pipe(forwarded);
    });
    this.#server.on('connection', (socket) => this.#keep(socket));
    this.#server.on('connect', (incoming, socket: Socket) => {
      this.requests.push(`CONNECT ${incoming.url}`);
      const { connectStatus } = this.#options;
      const status = connectStatus ?? (this.#admits(incoming) ? 200 : 407);
      if (status !== 200) {
        socket.end(`HTTP/1.1 ${status} No\r\ncontent-length: 0\r\n\r\n`);
        return;
      }
      const [host, port] = this.#resolve(incoming.url ?? '');
      const tunnel = connect({ host, port }, () => {
        socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
        tunnel.pipe(socket).pipe(tunnel);
      });
      this.#keep(tunnel);
      tunnel.on('error', () => socket.destroy());
    });
  }

  static async start(options: FakeProxyOptions = {}): Promise<FakeProxy> {
    const proxy = new FakeProxy(options);
    await new Promise<void>((resolve) => {
      proxy.#server.listen(0, '127.0.0.1', resolve);
    });
    return proxy;
  }

  /** With the credentials it wants, if it wants any. */
  get url(): URL {
    const { credentials } = this.#options;
    const { port } = this.#server.address() as AddressInfo;
    return new URL(`http://${credentials === undefined ? '' : `${credentials}@`}127.0.0.1:${port}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise((resolve) => {
      this.#server.close(resolve);
    });
  }

  #admits({ headers }: IncomingMessage): boolean {
    const { credentials } = this.#options;
    return credentials === undefined || headers['proxy-authorization'] === `Basic ${btoa(credentials)}`;
  }

  #resolve(target: string): readonly [host: string, port: number] {
    const [host = '', port = ''] = (this.#options.hosts?.[target] ?? target).split(':');
    return [host, Number(port)];
  }

  #keep(socket: Duplex): void {
    this.#sockets.add(socket);
    socket.on('error', () => socket.destroy());
    socket.once('close', () => this.#sockets.delete(socket));
  }
}
