import { Readable } from 'node:stream';
import { pino } from 'pino';
import type { SealEvent } from '../../src/cache/transfer/seal-schemas.ts';
import type { ControlServices } from '../../src/control/services.ts';
import { upstreamControl } from '../../src/control/upstream-control.ts';
import { dockerHub } from '../../src/oci/docker-hub.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import { Throttle } from '../../src/upstream/throttle/throttle.ts';
import { Connectivity } from '../../src/upstream/connectivity.ts';
import { FakeCaretaker } from './fake-caretaker.ts';
import { FakeContentSink } from './fake-content-sink.ts';
import { FakeImageSource } from './fake-image-source.ts';
import { FakeWarmer } from './fake-warmer.ts';

/** Services that do as a test says. */
export class FakeServices implements ControlServices {
  readonly caretaker = new FakeCaretaker();
  readonly transfer = {
    source: new FakeImageSource(),
    sink: new FakeContentSink(),
    verifySeal: (): AsyncIterable<SealEvent> => Readable.from([]),
  };
  readonly connectivity = new Connectivity();
  readonly throttle = new Throttle(systemClock());
  readonly upstreams = upstreamControl({
    connectivity: this.connectivity,
    throttle: this.throttle,
    upstreams: [dockerHub],
    atStart: { offline: false, rateOf: () => undefined },
    logger: pino({ level: 'silent' }),
  });
  readonly warmer = new FakeWarmer();
}
