import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';
import { Boundary, headText } from './boundary.ts';

/** Answers from the cache, as `AnswerCache.answer` does. */
type Answer = (head: string, socket: Socket, client: string) => Promise<boolean> | true | undefined;

type DataListener = (chunk: Buffer) => void;

/** Stands between a connection and Node's parser for as long as it knows where requests begin. */
export class ClientConnection {
  readonly #answer: Answer;
  readonly #socket: Socket;
  readonly #client: string;
  readonly #parse: readonly DataListener[];
  readonly #boundary = new Boundary();
  readonly #onData: DataListener = (chunk) => this.#take(chunk);
  #head: string | undefined;

  /** Takes the place of the listeners of a socket, and passes on to them what it does not answer. */
  constructor(answer: Answer, socket: Socket, client: string) {
    this.#answer = answer;
    this.#socket = socket;
    this.#client = client;
    this.#parse = socket.listeners('data') as DataListener[];
    for (const listener of this.#parse) socket.off('data', listener);
    // Node's parser reads from the system itself until there is a listener.
    socket.on('data', this.#onData);
  }

  /** The whole head of the parser's current or last request; undefined if the chunk was not just that. */
  get head(): string | undefined {
    return this.#boundary.isLost ? undefined : this.#head;
  }

  /** The parser has begun a message. */
  begun(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.#boundary.begun(incoming, outgoing);
  }

  #take(chunk: Buffer): void {
    const socket = this.#socket;
    const head = headText(chunk);
    if (head !== undefined && this.#boundary.isBetween && socket.writable) {
      const sent = this.#answer(head, socket, this.#client);
      if (sent instanceof Promise) this.#boundary.answering(sent);
      if (sent !== undefined) return;
    }
    this.#head = head;
    this.#boundary.pass(head !== undefined, () => {
      for (const listener of this.#parse) listener.call(socket, chunk);
    });
    if (this.#boundary.isLost) this.#leave();
  }

  /** From now on the connection is the parser's alone. */
  #leave(): void {
    this.#boundary.lose();
    this.#head = undefined;
    this.#socket.off('data', this.#onData);
    for (const listener of this.#parse) this.#socket.on('data', listener);
  }
}
