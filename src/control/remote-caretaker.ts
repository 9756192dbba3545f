import type { Caretaker } from '../cache/care/caretaker.ts';
import type { ControlClient } from './control-client.ts';
import { onlyItem } from './only-item.ts';
import { operations } from './operations.ts';

/** The caretaker of the server that has the data folder, through its control socket. */
export function remoteCaretaker(client: ControlClient): Caretaker {
  return {
    images: (options = { matching: null }) => client.ask(operations.images, options),
    usage: () => client.ask(operations.usage, {}),
    remove: (image) => onlyItem(client.ask(operations.remove, { image })),
    prune: (options) => client.ask(operations.prune, options),
    pin: async (pattern) => void (await onlyItem(client.ask(operations.pin, { pattern }))),
    unpin: (pattern) => onlyItem(client.ask(operations.unpin, { pattern })),
    pins: () => onlyItem(client.ask(operations.pins, {})),
    stats: () => onlyItem(client.ask(operations.stats, {})),
    verify: (options) => client.ask(operations.verify, options),
    importRegistry: (options) => client.ask(operations.importRegistry, options),
  };
}
