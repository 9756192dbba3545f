import { validateHeaderName, validateHeaderValue } from 'node:http';
import { z } from '../base/zod.ts';
import { oneOrMore, text } from './scalars.ts';

/** These frame or describe a body: one fixed value for all responses would break every client. */
const ownHeaders = new Set([
  'connection',
  'content-encoding',
  'content-length',
  'content-range',
  'content-type',
  'docker-content-digest',
  'etag',
  'keep-alive',
  'location',
  'transfer-encoding',
]);

/** Response headers by name; a list of values each, or one value. */
export const headers = z.codec(
  z.record(z.string(), oneOrMore(text).optional()),
  z.custom<Readonly<Record<string, readonly string[]>>>(),
  {
    decode: (given, ctx) => {
      const result: Record<string, readonly string[]> = {};
      for (const [name, values = []] of Object.entries(given)) {
        const problem = headerProblem(name, values);
        if (problem === undefined) result[name] = values;
        else ctx.issues.push({ code: 'custom', message: problem, path: [name], input: given });
      }
      return result;
    },
    encode: (values) => Object.fromEntries(Object.entries(values).map(([name, list]) => [name, [...list]])),
  },
);

function headerProblem(name: string, values: readonly string[]): string | undefined {
  if (ownHeaders.has(name.toLowerCase())) return 'differs from response to response, and is set by Entrepot';
  try {
    validateHeaderName(name);
  } catch {
    return 'not a header name';
  }
  try {
    for (const value of values) validateHeaderValue(name, value);
    return undefined;
  } catch {
    return 'a value has characters that a header cannot hold';
  }
}
