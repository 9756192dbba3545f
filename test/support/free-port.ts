import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/**
 * Below the ports that systems hand out by themselves (32768 and up on Linux, 49152 elsewhere): nobody is
 * given one of these by chance, so it stays free while nobody listens on it.
 */
const lowest = 20_000;
/** Processes that run side by side walk through stretches of their own, as a rule. */
const stretch = 1500;
const first = lowest + (process.pid % 8) * stretch;
let step = randomInt(stretch);

/**
 * A port that is free, for programs that cannot say which one they took, and for servers that come back to
 * theirs. This process is not given it again for a long while.
 */
export async function freePort(host = '127.0.0.1'): Promise<number> {
  for (;;) {
    step = (step + 1) % stretch;
    const port = first + step;
    const server = createServer();
    const free = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false));
      server.listen(port, host, () => resolve(true));
    });
    if (!free) continue;
    server.close();
    await once(server, 'close');
    return port;
  }
}
