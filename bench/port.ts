import { once } from 'node:events';
import { createServer } from 'node:net';
import { buffer } from 'node:stream/consumers';
import { setTimeout as sleep } from 'node:timers/promises';
import { ask } from './ask.ts';

/** How long a server may take to answer after its start, in milliseconds. */
const startPatience = 15_000;
/** How often it is asked, in milliseconds: starts are told by it, and asking costs little beside them. */
const askEvery = 5;

/** A port of 127.0.0.1 that was free a moment ago: not every peer can be told to choose one itself. */
export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('a TCP server without a port');
  return address.port;
}

/**
 * Resolves when `url` is answered with success; rejects when `failed` does, or after 15 seconds.
 * @param ca as {@link ask} has it
 */
export async function untilAnswered(url: URL, failed: Promise<never>, ca?: string): Promise<void> {
  const giveUpAt = performance.now() + startPatience;
  const answered = async (): Promise<boolean> => {
    try {
      const answer = await ask(url, ca);
      await buffer(answer);
      return answer.statusCode === 200;
    } catch {
      return false;
    }
  };
  while (!(await Promise.race([answered(), failed]))) {
    if (performance.now() > giveUpAt) throw new Error(`${url.href} does not answer`);
    await sleep(askEvery);
  }
}
