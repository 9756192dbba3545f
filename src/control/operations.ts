import { z } from '../base/zod.ts';
import type { Caretaker } from '../cache/care/caretaker.ts';
import * as schemas from '../cache/care/schemas.ts';

/** A method of a server's {@link Caretaker} as a request, which is answered with any number of items. */
export interface Operation<Input, Item> {
  /** In its path. */
  readonly name: string;
  readonly input: z.ZodType<Input>;
  readonly item: z.ZodType<Item>;
  /**
   * Reads a request.
   * @throws {z.ZodError} when `sent` is not this operation's input
   */
  prepare(caretaker: Caretaker, sent: unknown): Task;
}

/** An operation with its input. */
export interface Task {
  /** Whether it may change something. */
  readonly changes: boolean;
  /** For the log. */
  readonly input: object;
  /** Iterating performs it. */
  readonly items: AsyncIterable<unknown>;
}

function define<Input extends object, Item>(
  name: string,
  input: z.ZodType<Input>,
  item: z.ZodType<Item>,
  perform: (
    caretaker: Caretaker,
    input: Input,
  ) => AsyncIterable<schemas.ReadonlyDeep<Item>> | Promise<schemas.ReadonlyDeep<Item>>,
  changes: (input: Input) => boolean = () => false,
): Operation<Input, Item> {
  return {
    name,
    input,
    item,
    prepare(caretaker, sent) {
      const given = input.parse(sent);
      return { changes: changes(given), input: given, items: itemsOf(() => perform(caretaker, given)) };
    },
  };
}

/** Performs nothing before it is iterated: a request may be cut off before. */
async function* itemsOf<T>(perform: () => AsyncIterable<T> | Promise<T>): AsyncGenerator<T> {
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
  images: define('images', schemas.imagesOptions, schemas.imageListing, (caretaker, options) =>
    caretaker.images(options),
  ),
  usage: define('usage', nothing, schemas.usageListing, (caretaker) => caretaker.usage()),
  remove: define(
    'remove',
    image,
    schemas.removalReport,
    (caretaker, input) => caretaker.remove(input.image),
    always,
  ),
  prune: define(
    'prune',
    schemas.pruneOptions,
    schemas.prunedImage,
    (caretaker, options) => caretaker.prune(options),
    ({ dryRun }) => !dryRun,
  ),
  pin: define(
    'pin',
    pattern,
    z.null(),
    (caretaker, input) => caretaker.pin(input.pattern).then(() => null),
    always,
  ),
  unpin: define('unpin', pattern, z.boolean(), (caretaker, input) => caretaker.unpin(input.pattern), always),
  pins: define('pins', nothing, z.array(schemas.pinListing), (caretaker) => caretaker.pins()),
  stats: define('stats', nothing, schemas.stats, (caretaker) => caretaker.stats()),
  verify: define(
    'verify',
    schemas.verifyOptions,
    schemas.verifyEvent,
    (caretaker, options) => caretaker.verify(options),
    ({ repair }) => repair,
  ),
  importRegistry: define(
    'import-registry',
    schemas.importOptions,
    schemas.importEvent,
    (caretaker, options) => caretaker.importRegistry(options),
    always,
  ),
} as const;

/** Undefined for one that this version does not know. */
export function operationNamed(name: string): Pick<Operation<unknown, unknown>, 'prepare'> | undefined {
  return Object.values(operations).find((operation) => operation.name === name);
}
