import { isIP } from 'node:net';
import { formatDuration, parseNanoseconds } from '../base/go-duration.ts';
import type { ListenAddress } from '../http/server.ts';
import { z } from '../base/zod.ts';
import { addressText } from './address-text.ts';
import { suggest } from './suggest.ts';

/** Told what is wrong with a value. */
export type RefinementContext = z.core.ParsePayload<string>;

/** A text as it stands in the file. */
export const text = z.string();

/** How the text of a value is read, and how a value that was read is written again. */
export function scalar<Value>(
  read: (text: string, ctx: RefinementContext) => Value,
  write: (value: Value) => string = String,
) {
  return z.codec(text, z.custom<Value>(), { decode: read, encode: write });
}

/** A section whose settings have other names inside of Entrepot; `write` is the inverse of `read`. */
export function section<Keys extends z.core.$ZodShape, Value>(
  keys: Keys,
  read: (section: z.output<z.ZodObject<Keys, z.core.$strict>>) => Value,
  write: (value: Value) => z.output<z.ZodObject<Keys, z.core.$strict>>,
) {
  return z.codec(z.strictObject(keys), z.custom<Value>(), { decode: read, encode: write });
}

export const boolean = scalar((value, ctx): boolean => {
  if (/^(?:true|yes|on|y)$/i.test(value)) return true;
  if (/^(?:false|no|off|n)$/i.test(value)) return false;
  return refuse(ctx, `${shown(value)} is neither true nor false`);
});

/** A list of values, or a single one for a list of one. */
export function oneOrMore<Item extends z.ZodType>(item: Item) {
  return z.codec(z.unknown(), z.array(item), {
    // What is neither is refused by the array.
    decode: (value) => (typeof value === 'string' ? [value] : value) as z.input<Item>[],
    // An empty text by itself is no value.
    encode: (values) => (values.length === 1 && values[0] !== '' ? values[0] : values),
  });
}

export function wholeNumber(least: number, most: number) {
  return scalar((value, ctx): number => {
    const number = /^[0-9]{1,15}$/.test(value) ? Number(value) : Number.NaN;
    if (number >= least && number <= most) return number;
    return refuse(ctx, `${shown(value)} is not a whole number from ${least} to ${most}`);
  });
}

/** One of some words, in any case. */
export function oneOf<Word extends string>(words: readonly [Word, ...Word[]]) {
  return scalar((value, ctx): Word => {
    const word = words.find((candidate) => candidate === value.toLowerCase());
    if (word !== undefined) return word;
    const near = suggest(value, words);
    const list = `${words.slice(0, -1).join(', ')} or ${words.at(-1)}`;
    return refuse(
      ctx,
      `${shown(value)} is not ${list}${near === undefined ? '' : `, did you mean ${near}?`}`,
    );
  });
}

/** A Go duration between two bounds in milliseconds; the result is whole milliseconds. */
export function duration(leastMs: number, mostMs = Number.MAX_SAFE_INTEGER) {
  return scalar((value, ctx): number => {
    const ns = parseNanoseconds(value);
    if (ns === undefined) {
      return refuse(ctx, `${shown(value)} is not a duration; write for example 30s, 1h30m or 168h`);
    }
    if (ns !== 0 && Math.abs(ns) < 1e6 && /^[+-]?[0-9]+$/.test(value)) {
      return refuse(
        ctx,
        `a bare number counts nanoseconds, as in registry:2, did you mean ${value}s or ${value}h?`,
      );
    }
    const ms = Math.round(ns / 1e6);
    if (ms < leastMs) {
      return refuse(ctx, leastMs === 0 ? 'a duration cannot be negative' : `must be at least ${leastMs}ms`);
    }
    return ms > mostMs ? refuse(ctx, `must be at most ${Math.floor(mostMs / 3_600_000)}h`) : ms;
  }, formatDuration);
}

/** `:5000`, `host:5000`, `192.0.2.1:5000` or `[::1]:5000`. */
export const listenAddress = scalar((value, ctx): ListenAddress => {
  const match = /^(?<host>\[[^\]]*\]|[^:]*):(?<port>[0-9]{1,5})$/.exec(value)?.groups;
  const bracketed = match?.['host']?.startsWith('[') === true;
  const host = bracketed ? match?.['host']?.slice(1, -1) : match?.['host'];
  const port = Number(match?.['port'] ?? Number.NaN);
  const valid = bracketed ? isIP(host ?? '') === 6 : /^[a-zA-Z0-9._-]*$/.test(host ?? '*');
  if (valid && port <= 65_535) return { host: host === '' ? undefined : host, port };
  const near = nearAddress(value);
  return refuse(
    ctx,
    `${shown(value)} is not an address to listen on; write HOST:PORT or :PORT${near === undefined ? '' : `, did you mean ${near}?`}`,
  );
}, addressText);

function nearAddress(value: string): string | undefined {
  if (/^[0-9]{1,5}$/.test(value) && Number(value) <= 65_535) return `:${value}`;
  if (isIP(value) === 6) return `[${value}]:5000`;
  if (isIP(value) === 4 || /^[a-z][a-z0-9.-]*$/i.test(value)) return `${value}:5000`;
  return /^https?:\/\/[a-z0-9.-]*:[0-9]{1,5}\/?$/i.test(value)
    ? value.replace(/^https?:\/\//i, '').replace(/\/$/, '')
    : undefined;
}

/** A value in a message; not when it may be a secret that was pasted into the wrong place. */
export function shown(value: string): string {
  return value.length <= 40 && !value.includes('@') ? JSON.stringify(value) : 'this value';
}

export function refuse(ctx: RefinementContext, message: string): never {
  ctx.issues.push({ code: 'custom', message, input: ctx.value });
  return z.NEVER;
}
