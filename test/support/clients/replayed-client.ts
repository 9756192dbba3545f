import { basic } from '../ask.ts';
import { RawClient, type RawAnswer } from '../raw-client.ts';

/** The lines of a head in their order; a name may come several times. */
export type HeaderLines = readonly (readonly [name: string, value: string])[];

export interface Account {
  readonly username: string;
  readonly password: string;
}

/** A request as it was sent, and how it was answered. */
export interface Exchange {
  readonly method: string;
  readonly path: string;
  readonly authorized: boolean;
  readonly status: number;
  readonly answer: RawAnswer;
}

export interface ReplayedClientOptions {
  readonly origin: string;
  /** Lines that every request has. */
  readonly lines: HeaderLines;
  /** Where it has logged in. */
  readonly account?: Account | undefined;
  /**
   * How many requests it makes without its account, and again with it when that is asked for; from then on it
   * shows it at once.
   */
  readonly probes: number;
}

/** Milliseconds that any single wait may take. */
const deadlineMs = 60_000;

/**
 * Sends requests as a real client does: over connections that it keeps, several at a time, and with its
 * account when asked.
 */
export class ReplayedClient implements Disposable {
  /** In the order of their answers. */
  readonly exchanges: Exchange[] = [];
  readonly #options: ReplayedClientOptions;
  readonly #idle: RawClient[] = [];
  #probes = 0;

  constructor(options: ReplayedClientOptions) {
    this.#options = options;
  }

  /** A ping: its answer says whether to log in, and it is not repeated. */
  async ping(): Promise<void> {
    this.#probes += 1;
    await this.#exchange('GET', '/v2/', [], false);
  }

  /** Rejects for any answer that makes the client give up. */
  async ask(method: 'GET' | 'HEAD', path: string, lines: HeaderLines): Promise<RawAnswer> {
    const { account, probes } = this.#options;
    const isProbe = account === undefined || this.#probes < probes;
    if (isProbe) this.#probes += 1;
    let { status, answer } = await this.#exchange(method, path, lines, !isProbe);
    const isAsked = answer.headers['www-authenticate']?.startsWith('Basic ') === true;
    if (status === 401 && isProbe && isAsked && account !== undefined) {
      ({ status, answer } = await this.#exchange(method, path, lines, true));
    }
    const isWhole = answer.complete && (status === 200 || status === 206);
    if (!isWhole) throw new Error(`${method} ${path}: ${status} ${answer.bytes.toString().slice(0, 200)}`);
    return answer;
  }

  [Symbol.dispose](): void {
    for (const connection of this.#idle) connection[Symbol.dispose]();
  }

  async #exchange(method: string, path: string, lines: HeaderLines, authorized: boolean): Promise<Exchange> {
    const { origin, account } = this.#options;
    const own = account === undefined ? undefined : basic(account.username, account.password).authorization;
    const credentials: HeaderLines = authorized && own !== undefined ? [['Authorization', own]] : [];
    const head = [['Host', new URL(origin).host], ...this.#options.lines, ...lines, ...credentials];
    const connection = this.#idle.pop() ?? (await RawClient.connect(origin, { deadlineMs }));
    const text = head.map(([name, value]) => `${name}: ${value}\r\n`).join('');
    connection.send(`${method} ${path} HTTP/1.1\r\n${text}\r\n`);
    const answer = await connection.answer();
    if (answer.complete && answer.headers['connection'] !== 'close') this.#idle.push(connection);
    else connection[Symbol.dispose]();
    const exchange = { method, path, authorized, status: answer.status, answer };
    this.exchanges.push(exchange);
    return exchange;
  }
}
