import { CareError } from '../cache/care/care-error.ts';
import type { Caretaker } from '../cache/care/caretaker.ts';
import type { ImportEvent, ImportOptions } from '../cache/care/import-events.ts';
import type {
  ImageListing,
  ImagesOptions,
  PinListing,
  PrunedImage,
  PruneOptions,
  RemovalReport,
  UsageListing,
} from '../cache/care/listings.ts';
import type { Stats } from '../cache/care/stats.ts';
import type { VerifyEvent, VerifyOptions } from '../cache/care/verify-events.ts';
import type { ControlClient } from './control-client.ts';
import { operations } from './operations.ts';

/** The caretaker of the server that has the data folder, through its control socket. */
export class RemoteCaretaker implements Caretaker {
  readonly #client: ControlClient;

  constructor(client: ControlClient) {
    this.#client = client;
  }

  images({ matching = null }: ImagesOptions = {}): AsyncIterable<ImageListing> {
    return this.#client.ask(operations.images, { matching });
  }

  usage(): AsyncIterable<UsageListing> {
    return this.#client.ask(operations.usage, {});
  }

  remove(image: string): Promise<RemovalReport> {
    return only(this.#client.ask(operations.remove, { image }));
  }

  prune(options: PruneOptions): AsyncIterable<PrunedImage> {
    return this.#client.ask(operations.prune, options);
  }

  async pin(pattern: string): Promise<void> {
    await only(this.#client.ask(operations.pin, { pattern }));
  }

  unpin(pattern: string): Promise<boolean> {
    return only(this.#client.ask(operations.unpin, { pattern }));
  }

  pins(): Promise<readonly PinListing[]> {
    return only(this.#client.ask(operations.pins, {}));
  }

  stats(): Promise<Stats> {
    return only(this.#client.ask(operations.stats, {}));
  }

  verify(options: VerifyOptions): AsyncIterable<VerifyEvent> {
    return this.#client.ask(operations.verify, options);
  }

  importRegistry(options: ImportOptions): AsyncIterable<ImportEvent> {
    return this.#client.ask(operations.importRegistry, options);
  }
}

/** What an operation answers that gives one thing. */
async function only<T>(items: AsyncIterable<T>): Promise<T> {
  let answer: { readonly item: T } | undefined;
  // To the end: an error may come after it.
  for await (const item of items) answer = { item };
  if (answer === undefined) throw new CareError('unavailable', 'the server gave no answer');
  return answer.item;
}
