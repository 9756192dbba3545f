import { Context } from 'hono';
import { expect, test } from 'vitest';
import { Exchange } from '../../../src/http/exchange.ts';

test.each([
  ['::ffff:192.0.2.7', '192.0.2.7'],
  ['192.0.2.7', '192.0.2.7'],
  ['2001:db8::7', '2001:db8::7'],
  ['::ffff:0:7', '::ffff:0:7'],
  [undefined, undefined],
])('a client at %s is called %s', (remoteAddress, client) => {
  const env = { incoming: { socket: { remoteAddress } } };
  const context = new Context(new Request('http://mirror.lan/v2/'), { env });

  expect(new Exchange(context, 'id', 0, { plain: [], api: [] }).client).toBe(client);
});
