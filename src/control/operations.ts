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
   * Begins a request.
   * @throws {z.ZodError} when `sent` is not this operation's input
   */
  begin(caretaker: Caretaker, sent: unknown): Task;
}

/** An operation under way. */
export interface Task {
  /** Whether it may change something. */
  readonly changes: boolean;
  /** For the log. */
  readonly input: object;
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
    begin(caretaker, sent) {
      const given = input.parse(sent);
      const answer = perform(caretaker, given);
      return {
        changes: changes(given),
        input: given,
        items: answer instanceof Promise ? only(answer) : answer,
      };
    },
  };
}

async function* only<T>(answer: Promise<T>): AsyncGenerator<T> {
  yield await answer;
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
export function operationNamed(name: string): Pick<Operation<unknown, unknown>, 'begin'> | undefined {
  return Object.values(operations).find((operation) => operation.name === name);
}
