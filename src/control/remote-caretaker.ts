import { CareError } from '../cache/care/care-error.ts';
import type { Caretaker } from '../cache/care/caretaker.ts';
import type { ControlClient } from './control-client.ts';
import { operations } from './operations.ts';

/** The caretaker of the server that has the data folder, through its control socket. */
export function remoteCaretaker(client: ControlClient): Caretaker {
  return {
    images: (options = { matching: null }) => client.ask(operations.images, options),
    usage: () => client.ask(operations.usage, {}),
    remove: (image) => only(client.ask(operations.remove, { image })),
    prune: (options) => client.ask(operations.prune, options),
    pin: async (pattern) => void (await only(client.ask(operations.pin, { pattern }))),
    unpin: (pattern) => only(client.ask(operations.unpin, { pattern })),
    pins: () => only(client.ask(operations.pins, {})),
    stats: () => only(client.ask(operations.stats, {})),
    verify: (options) => client.ask(operations.verify, options),
    importRegistry: (options) => client.ask(operations.importRegistry, options),
  };
}

/** The answer of an operation that has exactly one. */
async function only<T>(items: AsyncIterable<T>): Promise<T> {
  // To the end: an error may come after it.
  const [answer] = await Array.fromAsync(items, (item) => ({ item }));
  if (answer === undefined) throw new CareError('unavailable', 'the server gave no answer');
  return answer.item;
}
