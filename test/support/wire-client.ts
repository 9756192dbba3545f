import { connect, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { eventually } from './deadline.ts';

const deadlineMs = 60_000;

/** A client of one connection that keeps every byte as it came over the wire, in latin1. */
export class WireClient implements Disposable {
  readonly socket: Socket;
  #received = '';
  ended = false;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
    });
    socket.on('error', () => undefined);
    socket.on('close', () => {
      this.ended = true;
    });
  }

  /** @param ca the authority of the server's certificate, for TLS */
  static async connect(port: number, ca?: string): Promise<WireClient> {
    const address = { host: '127.0.0.1', port };
    const client = new WireClient(ca === undefined ? connect(address) : connectTls({ ...address, ca }));
    await new Promise((resolve) =>
      client.socket.once(ca === undefined ? 'connect' : 'secureConnect', resolve),
    );
    return client;
  }

  /** Everything that came and was not taken yet. */
  get received(): string {
    return this.#received;
  }

  /** Sends a text in latin1, in one piece. */
  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** Takes the next answer as it came. @param method of its request */
  async answer(method = 'GET'): Promise<string> {
    let end = -1;
    await eventually(deadlineMs, 'an answer', () => {
      const head = this.#received.indexOf('\r\n\r\n');
      if (head >= 0) {
        const length = /^content-length: (\d+)/im.exec(this.#received.slice(0, head))?.[1];
        end = head + 4 + (method === 'HEAD' ? 0 : Number(length ?? 0));
      }
      return (end >= 0 && this.#received.length >= end) || this.ended;
    });
    const answer = this.#received.slice(0, end);
    this.#received = this.#received.slice(end);
    return answer;
  }

  /** Sends a request without a body and takes its answer. */
  ask(head: string): Promise<string> {
    this.send(head);
    return this.answer(head.slice(0, head.indexOf(' ')));
  }

  [Symbol.dispose](): void {
    this.socket.destroy();
  }
}

/** The head of a request, with `Host` and what `headers` has besides. */
export function requestHead(method: string, path: string, ...headers: readonly string[]): string {
  return [`${method} ${path} HTTP/1.1`, 'Host: test', ...headers, '', ''].join('\r\n');
}

/** An answer without what differs each time. */
export function timeless(answer: string): string {
  return answer.replace(/^(Date|X-Request-Id): .*\r$/gim, '$1: …\r');
}
