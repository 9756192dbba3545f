import type { Caretaker } from '../cache/care/caretaker.ts';
import { z } from '../base/zod.ts';
import {
  imageListing,
  importEvent,
  pinListing,
  prunedImage,
  removalReport,
  stats,
  usageListing,
  verifyEvent,
} from './shapes.ts';

/** Something that a server can be asked for; it answers with any number of items. */
export interface Operation<Input, Item> {
  /** In its path. */
  readonly name: string;
  readonly input: z.ZodType<Input>;
  readonly item: z.ZodType<Item>;
  /**
   * Takes up what a client sent.
   * @throws {z.ZodError} when that is not this operation's input
   */
  prepare(sent: unknown): Task;
}

/** An operation with its input. */
export interface Task {
  /** Whether it may change something. */
  readonly changes: boolean;
  /** For the log. */
  readonly input: object;
  begin(caretaker: Caretaker): AsyncIterable<unknown>;
}

interface Definition<Input, Item> {
  readonly name: string;
  readonly input: z.ZodType<Input>;
  readonly item: z.ZodType<Item>;
  readonly changes: boolean | ((input: Input) => boolean);
  readonly begin: (caretaker: Caretaker, input: Input) => AsyncIterable<Item>;
}

function define<Input extends object, Item>({
  name,
  input,
  item,
  changes,
  begin,
}: Definition<Input, Item>): Operation<Input, Item> {
  return {
    name,
    input,
    item,
    prepare(sent) {
      const given = input.parse(sent);
      return {
        changes: typeof changes === 'boolean' ? changes : changes(given),
        input: given,
        begin: (caretaker) => begin(caretaker, given),
      };
    },
  };
}

async function* only<T>(answer: Promise<T>): AsyncGenerator<T> {
  yield await answer;
}

const nothing = z.strictObject({});
/** Far above any name or pattern, in characters. */
const text = z.string().max(4096);
const pattern = z.strictObject({ pattern: text });

/** All that a server can be asked for. */
export const operations = {
  images: define({
    name: 'images',
    input: z.strictObject({ matching: text.nullable() }),
    item: imageListing,
    changes: false,
    begin: (caretaker, options) => caretaker.images(options),
  }),
  usage: define({
    name: 'usage',
    input: nothing,
    item: usageListing,
    changes: false,
    begin: (caretaker) => caretaker.usage(),
  }),
  remove: define({
    name: 'remove',
    input: z.strictObject({ image: text }),
    item: removalReport,
    changes: true,
    begin: (caretaker, { image }) => only(caretaker.remove(image)),
  }),
  prune: define({
    name: 'prune',
    input: z.strictObject({
      toBytes: z.number().nonnegative().nullable(),
      unusedMs: z.number().nonnegative().nullable(),
      dryRun: z.boolean(),
    }),
    item: prunedImage,
    changes: ({ dryRun }) => !dryRun,
    begin: (caretaker, options) => caretaker.prune(options),
  }),
  pin: define({
    name: 'pin',
    input: pattern,
    item: z.null(),
    changes: true,
    begin: (caretaker, input) => only(caretaker.pin(input.pattern).then(() => null)),
  }),
  unpin: define({
    name: 'unpin',
    input: pattern,
    item: z.boolean(),
    changes: true,
    begin: (caretaker, input) => only(caretaker.unpin(input.pattern)),
  }),
  pins: define({
    name: 'pins',
    input: nothing,
    item: z.array(pinListing),
    changes: false,
    begin: (caretaker) => only(caretaker.pins()),
  }),
  stats: define({
    name: 'stats',
    input: nothing,
    item: stats,
    changes: false,
    begin: (caretaker) => only(caretaker.stats()),
  }),
  verify: define({
    name: 'verify',
    input: z.strictObject({ repair: z.boolean() }),
    item: verifyEvent,
    changes: ({ repair }) => repair,
    begin: (caretaker, options) => caretaker.verify(options),
  }),
  importRegistry: define({
    name: 'import-registry',
    input: z.strictObject({ folder: text, upstream: text.nullable() }),
    item: importEvent,
    changes: true,
    begin: (caretaker, options) => caretaker.importRegistry(options),
  }),
} as const;

const byName = new Map<string, Pick<Operation<unknown, unknown>, 'prepare'>>(
  Object.values(operations).map((operation) => [operation.name, operation]),
);

/** Undefined for one that this version does not know. */
export function operationNamed(name: string): Pick<Operation<unknown, unknown>, 'prepare'> | undefined {
  return byName.get(name);
}
