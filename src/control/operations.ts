import { z } from '../base/zod.ts';
import * as schemas from '../cache/care/schemas.ts';
import { imagesItem, imagesRequest } from '../cache/transfer/schemas.ts';
import { sealEvent, sealRequest } from '../cache/transfer/seal-schemas.ts';
import * as sink from '../cache/transfer/sink-schemas.ts';
import { warmEvent, warmOptions } from '../mirror/warm/schemas.ts';
import type { ControlServices } from './services.ts';
import { offlineOptions, offlineState, rateChange, rateLimit } from './upstream-control.ts';

/** A method of a server's {@link ControlServices} as a request, which is answered with any number of items. */
export interface Operation<Input, Item> {
  /** In its path. */
  readonly name: string;
  readonly input: z.ZodType<Input>;
  readonly item: z.ZodType<Item>;
  /** The longest request, in characters. */
  readonly maxInput: number;
  /**
   * Reads a request.
   * @throws {z.ZodError} when `sent` is not this operation's input
   */
  prepare(services: ControlServices, sent: unknown): Task;
}

/** An operation with its input. */
export interface Task {
  /** Whether it may change something. */
  readonly changes: boolean;
  /** The input as the log has it. */
  readonly summary: object;
  /** Iterating performs it. */
  readonly items: AsyncIterable<unknown>;
}

interface Definition<Input extends object, Item> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  readonly item: z.ZodType<Item>;
  readonly perform: (
    services: ControlServices,
    input: Input,
  ) => AsyncIterable<schemas.ReadonlyDeep<Item>> | Promise<schemas.ReadonlyDeep<Item>>;
  /** Whether it may change something; not, if left out. */
  readonly changes?: (input: Input) => boolean;
  /** What the log has of an input that is long; all of it, if left out. */
  readonly summary?: (input: Input) => object;
  /** As in {@link Operation}; enough for names, patterns and options, if left out. */
  readonly maxInput?: number;
}

/** Far more than names, patterns and options take, in characters. */
const shortInput = 64 * 1024;

/** The same for the names of thousands of images. */
const longInput = 32 * 1024 * 1024;

/** The same for the manifests of an image, in base 64. */
const manifestsInput = 128 * 1024 * 1024;

function define<Input extends object, Item>({
  name,
  input,
  item,
  perform,
  changes = () => false,
  summary = (given) => given,
  maxInput = shortInput,
}: Definition<Input, Item>): Operation<Input, Item> {
  return {
    name,
    input,
    item,
    maxInput,
    prepare(services, sent) {
      const given = input.parse(sent);
      const items = itemsOf(() => perform(services, given));
      return { changes: changes(given), summary: summary(given), items };
    },
  };
}

/** Performs nothing before it is iterated: a request may be cut off before. */
export async function* itemsOf<T>(perform: () => AsyncIterable<T> | Promise<T>): AsyncGenerator<T> {
  const answer = perform();
  if (answer instanceof Promise) yield await answer;
  else yield* answer;
}

const always = (): boolean => true;
const nothing = z.strictObject({});
const image = z.strictObject({ image: schemas.inputText });
const pattern = z.strictObject({ pattern: schemas.inputText });

/** All requests. */
export const operations = {
  images: define({
    name: 'images',
    input: schemas.imagesOptions,
    item: schemas.imageListing,
    perform: ({ caretaker }, options) => caretaker.images(options),
  }),
  usage: define({
    name: 'usage',
    input: nothing,
    item: schemas.usageListing,
    perform: ({ caretaker }) => caretaker.usage(),
  }),
  remove: define({
    name: 'remove',
    input: image,
    item: schemas.removalReport,
    perform: ({ caretaker }, input) => caretaker.remove(input.image),
    changes: always,
  }),
  prune: define({
    name: 'prune',
    input: schemas.pruneOptions,
    item: schemas.prunedImage,
    perform: ({ caretaker }, options) => caretaker.prune(options),
    changes: ({ dryRun }) => !dryRun,
  }),
  pin: define({
    name: 'pin',
    input: pattern,
    item: z.null(),
    perform: ({ caretaker }, input) => caretaker.pin(input.pattern).then(() => null),
    changes: always,
  }),
  unpin: define({
    name: 'unpin',
    input: pattern,
    item: z.boolean(),
    perform: ({ caretaker }, input) => caretaker.unpin(input.pattern),
    changes: always,
  }),
  pins: define({
    name: 'pins',
    input: nothing,
    item: z.array(schemas.pinListing),
    perform: ({ caretaker }) => caretaker.pins(),
  }),
  stats: define({
    name: 'stats',
    input: nothing,
    item: schemas.stats,
    perform: ({ caretaker }) => caretaker.stats(),
  }),
  verify: define({
    name: 'verify',
    input: schemas.verifyOptions,
    item: schemas.verifyEvent,
    perform: ({ caretaker }, options) => caretaker.verify(options),
    changes: ({ repair }) => repair,
  }),
  importRegistry: define({
    name: 'import-registry',
    input: schemas.importOptions,
    item: schemas.importEvent,
    perform: ({ caretaker }, options) => caretaker.importRegistry(options),
    changes: always,
  }),
  imageContents: define({
    name: 'image-contents',
    input: imagesRequest,
    item: imagesItem,
    perform: ({ transfer }, request) => transfer.source.images(request),
    maxInput: longInput,
  }),
  verifySeal: define({
    name: 'verify-seal',
    input: sealRequest,
    item: sealEvent,
    perform: ({ transfer }, request) => transfer.verifySeal(request),
    maxInput: longInput,
  }),
  offline: define({
    name: 'offline',
    input: offlineOptions,
    item: offlineState,
    perform: ({ upstreams }, { offline }) => upstreams.offline(offline),
  }),
  lackingBlobs: define({
    name: 'lacking-blobs',
    input: sink.lackingRequest,
    item: z.array(sink.lackingBlob),
    perform: ({ transfer }, { repository, blobs }) => transfer.sink.lacking(repository ?? undefined, blobs),
    maxInput: longInput,
  }),
  putImage: define({
    name: 'put-image',
    input: sink.imageRequest,
    item: sink.imageOutcome,
    perform: async ({ transfer }, request) =>
      sink.printOutcome(await transfer.sink.putImage(sink.readImage(request))),
    changes: always,
    summary: ({ repository, root, tag, pin }) => ({ repository, root, tag: tag?.name, pin }),
    maxInput: manifestsInput,
  }),
  warm: define({
    name: 'warm',
    input: warmOptions,
    item: warmEvent,
    perform: ({ warmer }, options) => warmer.warm(options),
    changes: always,
    summary: ({ images, ...options }) => ({ images: images.length, ...options }),
    maxInput: longInput,
  }),
  maxRate: define({
    name: 'max-rate',
    input: z.strictObject({ change: rateChange.nullable() }),
    item: z.array(rateLimit),
    perform: ({ upstreams }, { change }) => upstreams.rates(change),
  }),
} as const;

/** Undefined for one that this version does not know. */
export function operationNamed(
  name: string,
): Pick<Operation<unknown, unknown>, 'prepare' | 'maxInput'> | undefined {
  return Object.values(operations).find((operation) => operation.name === name);
}
