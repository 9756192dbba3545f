import type { Mirror } from '../mirror/mirror.ts';
import type { Exchange } from './exchange.ts';
import { jsonReply } from './reply.ts';

/** What load balancers and orchestrators ask: is it alive, may it get traffic. */
export class ProbeHandler {
  readonly #mirror: Mirror;

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
  }

  /** 200 as long as the process serves at all. */
  health(exchange: Exchange): Promise<Response> {
    return Promise.resolve(exchange.reply(jsonReply({ status: 'ok' })));
  }

  /** 200, or 503 with the problems, one line each. */
  async readiness(exchange: Exchange): Promise<Response> {
    const { ready, problems } = await this.#mirror.readiness();
    return exchange.reply(
      jsonReply({ status: ready ? 'ready' : 'not ready', problems }, { status: ready ? 200 : 503 }),
    );
  }
}
