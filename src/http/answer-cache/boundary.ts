import type { IncomingMessage, ServerResponse } from 'node:http';

/** Longer heads are not kept, in bytes. */
const maxHeadLength = 8 * 1024;

const endOfHead = '\r\n\r\n';

/** The text of a chunk that may be one whole head, byte for byte; undefined if it cannot be. */
export function headText(chunk: Buffer): string | undefined {
  const { length } = chunk;
  if (length > maxHeadLength || length < endOfHead.length) return undefined;
  // Looked at first: the text of a piece of a body would be made for nothing.
  if (chunk[length - 1] !== 0x0a || chunk[length - 3] !== 0x0a) return undefined;
  const text = chunk.toString('latin1');
  return text.indexOf(endOfHead) === length - endOfHead.length ? text : undefined;
}

/**
 * Whether a connection is between two messages, as far as this can be told without parsing.
 *
 * The same bytes are a request only where one begins: within a head or a body, taking them for a request
 * would be request smuggling. So a connection is at a boundary only as long as each chunk was exactly one
 * head, for which the parser began exactly one message, complete and without a body, whose answer ended and
 * left the connection open. After anything else, pipelining included, it is the parser's alone.
 *
 * The first message never counts: until it is complete, Node counts the time for a head from the start of the
 * connection, and would close it although it is in use.
 */
export class Boundary {
  /** `between` messages; `answering` the only one that was begun. */
  #state: 'first' | 'between' | 'answering' | 'lost' = 'first';
  #begun = 0;
  #request: { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse } | undefined;

  /** Whether the next chunk begins a message, all before being over. */
  get isBetween(): boolean {
    return this.#state === 'between';
  }

  get isLost(): boolean {
    return this.#state === 'lost';
  }

  lose(): void {
    this.#state = 'lost';
    this.#request = undefined;
  }

  /** The parser has begun a message. */
  begun(incoming: IncomingMessage, outgoing: ServerResponse): void {
    this.#begun += 1;
    this.#request = { incoming, outgoing };
  }

  /**
   * An answer is on its way that the parser does not know of. A client that sends more meanwhile may never
   * read: the parser, which then stops reading, has to deal with that.
   * @param sent resolves to false when the connection was cut before
   */
  answering(sent: Promise<boolean>): void {
    this.#state = 'answering';
    void sent.then((isSent) => this.#answered(isSent));
  }

  /**
   * Follows a chunk through the parser.
   * @param isHead whether it may be one whole head
   * @param parse gives it to the parser, which calls {@link begun} meanwhile
   */
  pass(isHead: boolean, parse: () => void): void {
    const atBoundary = this.#state === 'first' || this.#state === 'between';
    this.#begun = 0;
    if (atBoundary && isHead) this.#state = 'answering';
    else this.lose();
    parse();
    if (this.#state !== 'answering') return;
    const request = this.#request;
    if (this.#begun !== 1 || request === undefined || !isWhole(request.incoming)) {
      this.lose();
      return;
    }
    const { outgoing } = request;
    outgoing.once('close', () => {
      this.#request = undefined;
      this.#answered(outgoing.writableFinished && outgoing.shouldKeepAlive);
    });
  }

  #answered(isOpen: boolean): void {
    // Once lost, it stays lost.
    if (this.#state === 'answering') this.#state = isOpen ? 'between' : 'lost';
  }
}

/** Whether nothing of a message is still to come. */
function isWhole({ complete, headers }: IncomingMessage): boolean {
  return complete && headers['content-length'] === undefined && headers['transfer-encoding'] === undefined;
}
