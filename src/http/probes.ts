import type { Mirror } from '../mirror/mirror.ts';
import type { Exchange } from './exchange.ts';
import { jsonReply } from './reply.ts';

/** Whether it is alive: 200 as long as the process serves at all. */
export function health(exchange: Exchange): Response {
  return exchange.reply(jsonReply({ status: 'ok' }));
}

/** Whether it may get traffic: 200, or 503 with the problems, one line each. */
export async function readiness(mirror: Mirror, exchange: Exchange): Promise<Response> {
  const { ready, problems } = await mirror.readiness();
  return exchange.reply(
    jsonReply({ status: ready ? 'ready' : 'not ready', problems }, { status: ready ? 200 : 503 }),
  );
}
