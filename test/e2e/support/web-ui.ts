import { once } from 'node:events';
import { readFile } from 'node:fs/promises';
import {
  createServer,
  request as send,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type Server,
  type ServerResponse,
} from 'node:http';
import type { AddressInfo } from 'node:net';
import type { Page } from 'playwright-core';
import { uiAddress, uiHost } from './browser.ts';

const page = new URL('../web-ui/index.html', import.meta.url);

/** What a web page was answered; status 0 when the browser kept the answer from it. */
export interface PageAnswer<Body = unknown> {
  readonly status: number;
  readonly digest: string | null;
  readonly body: Body;
}

/** What a registry UI shows of a tag. */
export interface PageImage {
  readonly manifest: PageAnswer<{ readonly config?: { readonly digest: string } }>;
  readonly config?: PageAnswer;
}

/**
 * A web server with a registry UI, which can also stand before the registry, as the UI's own container can.
 */
export class WebUiServer implements AsyncDisposable {
  /** The headers of what the registry was asked through here. */
  readonly proxied: IncomingHttpHeaders[] = [];
  readonly #server: Server;
  /** The registry's origin. */
  #registry = '';

  private constructor(html: string) {
    this.#server = createServer((incoming, outgoing) => {
      if (incoming.url?.startsWith('/v2/') === true) this.#forward(incoming, outgoing);
      else outgoing.writeHead(200, { 'content-type': 'text/html; charset=utf-8' }).end(html);
    });
  }

  static async start(): Promise<WebUiServer> {
    const server = new WebUiServer(await readFile(page, 'utf8'));
    server.#server.listen(0, uiAddress);
    await once(server.#server, 'listening');
    return server;
  }

  /** Its origin, as the browser knows it. */
  get origin(): string {
    return `http://${uiHost}:${(this.#server.address() as AddressInfo).port}`;
  }

  /** Passes on requests for the registry's API to that origin. */
  standBefore(registry: string): void {
    this.#registry = registry;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections();
    this.#server.close();
    await once(this.#server, 'close');
  }

  #forward({ method, url = '', headers }: IncomingMessage, outgoing: ServerResponse): void {
    this.proxied.push(headers);
    send(new URL(url, this.#registry), { method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers);
      answer.pipe(outgoing);
    }).end();
  }
}

/** The UI in a browser's page. */
export class WebUi {
  readonly #page: Page;

  constructor(page: Page) {
    this.#page = page;
  }

  async catalog(): Promise<PageAnswer<{ readonly repositories: readonly string[] }>> {
    return await this.#page.evaluate('registry.catalog()');
  }

  async tags(name: string): Promise<PageAnswer<{ readonly tags: readonly string[] }>> {
    return await this.#page.evaluate(`registry.tags(${JSON.stringify(name)})`);
  }

  async image(name: string, tag: string): Promise<PageImage> {
    return await this.#page.evaluate(`registry.image(${JSON.stringify(name)}, ${JSON.stringify(tag)})`);
  }

  async remove(name: string, tag: string): Promise<PageAnswer> {
    return await this.#page.evaluate(`registry.remove(${JSON.stringify(name)}, ${JSON.stringify(tag)})`);
  }
}
