import { chromium, type Browser as Chromium, type Page } from 'playwright-core';

/** A host name for web pages, unlike an address of this machine no secure context. */
export const uiHost = 'ui.test';
/** Where it leads. */
export const uiAddress = '127.0.0.3';
/**
 * A name for 127.0.0.1. Browsers keep credentials from other sites than the page's own, so it belongs to the
 * same one.
 */
export const registryHost = 'registry.ui.test';

/** Debian's Chromium, without a window. */
export class Browser implements AsyncDisposable {
  readonly #chromium: Chromium;

  private constructor(chromium: Chromium) {
    this.#chromium = chromium;
  }

  static async start(): Promise<Browser> {
    return new Browser(
      await chromium.launch({
        executablePath: '/usr/bin/chromium',
        args: [
          // The tests run as root, for which Chromium has no sandbox.
          '--no-sandbox',
          `--host-resolver-rules=MAP ${uiHost} ${uiAddress}, MAP ${registryHost} 127.0.0.1, MAP * ~NOTFOUND`,
        ],
      }),
    );
  }

  /**
   * A page of somebody of whom the browser knows nothing but what they type, once, when it asks for a
   * password.
   */
  async open(url: string, credentials?: { username: string; password: string }): Promise<Page> {
    const context = await this.#chromium.newContext(
      credentials === undefined ? {} : { httpCredentials: credentials },
    );
    const page = await context.newPage();
    await page.goto(url);
    return page;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#chromium.close();
  }
}
