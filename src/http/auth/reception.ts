import type { RegistryError } from '../../oci/error.ts';
import type { Exchange } from '../exchange.ts';
import type { HeaderList } from '../reply.ts';

/** What becomes of an error that is about who asks: at an address where clients log in, and at one where they cannot. */
export interface Reception {
  /** The error that the client gets. It must not depend on more than `error` and the request say. */
  errorFor(exchange: Exchange, error: RegistryError): RegistryError;
  /** The challenges that go with {@link errorFor}'s error. */
  challenges(exchange: Exchange, error: RegistryError): HeaderList;
}
