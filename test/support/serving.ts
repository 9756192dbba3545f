import { setTimeout as delay } from 'node:timers/promises';
import { createHttpApp } from '../../src/http/app.ts';
import { AnswerCache } from '../../src/http/answer-cache/answer-cache.ts';
import { HttpServer, type ServerTimeouts } from '../../src/http/server.ts';
import type { TlsOptions } from '../../src/http/tls.ts';
import type { Clock } from '../../src/base/clock.ts';
import { FakeMirror } from './fake-mirror.ts';
import { logLines } from './log-lines.ts';

const clock: Clock = {
  now: () => Date.now(),
  monotonic: () => Math.floor(performance.now()),
  sleep: (ms, signal) => delay(ms, undefined, signal === undefined ? {} : { signal }),
};

export interface ServingOptions {
  readonly tls?: TlsOptions;
  readonly timeouts?: Partial<ServerTimeouts>;
  /** True: hits that stand are answered from memory when they are asked for again. */
  readonly answerCache?: boolean;
}

/** The HTTP interface on a real socket of 127.0.0.1, over a fake mirror. */
export class Serving implements AsyncDisposable {
  readonly mirror = new FakeMirror();
  readonly log = logLines('debug');
  readonly server: HttpServer;

  private constructor({ answerCache, ...options }: ServingOptions) {
    const { logger } = this.log;
    const app = createHttpApp({ mirror: this.mirror, logger, clock });
    const listen = { host: '127.0.0.1', port: 0 };
    const hot = answerCache === true ? { answerCache: new AnswerCache(logger, clock) } : undefined;
    this.mirror.givesValidity = answerCache === true;
    this.server = new HttpServer({ app, listen, clock, logger, ...hot, ...options });
  }

  static async start(options: ServingOptions = {}): Promise<Serving> {
    const serving = new Serving(options);
    await serving.server.listen();
    return serving;
  }

  get origin(): string {
    return `http://127.0.0.1:${this.server.address.port}`;
  }

  /** Access-log lines so far. */
  get requests(): readonly Record<string, unknown>[] {
    return this.log.lines.filter(({ msg }) => msg === 'request');
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.server.drain(0);
  }
}
