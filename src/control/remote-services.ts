import type { ControlClient } from './control-client.ts';
import { operations } from './operations.ts';
import { remoteCaretaker } from './remote-caretaker.ts';
import { remoteImageSource } from './remote-image-source.ts';
import { remoteContentSink } from './remote-content-sink.ts';
import { remoteWarmer } from './remote-warmer.ts';
import { remoteUpstreamControl } from './remote-upstream-control.ts';
import type { ControlServices } from './services.ts';

/** The services of the server that has the data folder, through its control socket. */
export function remoteServices(client: ControlClient): ControlServices {
  return {
    caretaker: remoteCaretaker(client),
    transfer: {
      source: remoteImageSource(client),
      sink: remoteContentSink(client),
      verifySeal: (request) => client.ask(operations.verifySeal, request),
    },
    upstreams: remoteUpstreamControl(client),
    warmer: remoteWarmer(client),
  };
}
