import type { ControlClient } from './control-client.ts';
import { remoteCaretaker } from './remote-caretaker.ts';
import { remoteImageSource } from './remote-image-source.ts';
import type { ControlServices } from './services.ts';

/** The services of the server that has the data folder, through its control socket. */
export function remoteServices(client: ControlClient): ControlServices {
  return { caretaker: remoteCaretaker(client), transfer: { source: remoteImageSource(client) } };
}
