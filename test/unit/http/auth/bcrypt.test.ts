import { hashSync } from 'bcryptjs';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { Bcrypt } from '../../../../src/http/auth/bcrypt.ts';
import { RegistryError } from '../../../../src/oci/error.ts';
import { within } from '../../../support/deadline.ts';

const hash = hashSync('right', 4);
let bcrypt: Bcrypt;

beforeEach(() => {
  bcrypt = new Bcrypt({ all: 6, perClient: 4 });
});

afterEach(async () => {
  await bcrypt[Symbol.asyncDispose]();
});

test('passwords are compared, also with the hashes of htpasswd', async () => {
  expect(await bcrypt.compare('right', hash, 'c')).toBe(true);
  expect(await bcrypt.compare('wrong', hash, 'c')).toBe(false);
  expect(await bcrypt.compare('right', hash.replace('$2b$', '$2y$'), 'c')).toBe(true);
});

test('comparing does not hold up the thread that serves', async () => {
  let compared = false;
  // Some seconds on any machine, and this thread must not wait for them.
  const slow = bcrypt
    .compare('x', hash.replace('$04$', '$16$'), 'c')
    .then(() => {
      compared = true;
    })
    .catch(() => undefined);
  for (let turn = 0; turn < 100; turn += 1) await new Promise((resolve) => setImmediate(resolve));
  expect(compared).toBe(false);
  await bcrypt[Symbol.asyncDispose]();
  await within(60_000, 'the end of the comparison', slow);
});

describe('a flood', () => {
  test('from one client is refused beyond what may wait, and another client has its turn next', async () => {
    const order: string[] = [];
    const ask = async (client: string): Promise<void> => {
      await bcrypt.compare('wrong', hash, client);
      order.push(client);
    };
    // One is being compared, four wait.
    const flood = Array.from({ length: 5 }, () => ask('flood'));
    const refused = bcrypt.compare('wrong', hash, 'flood');
    await expect(refused).rejects.toMatchObject({ code: 'TOOMANYREQUESTS', retryAfter: 2 });
    await Promise.all([...flood, ask('other')]);
    expect(order.indexOf('other')).toBeLessThanOrEqual(2);
  });

  test('from many clients is refused as a whole', async () => {
    const asked = Array.from({ length: 8 }, (_, index) => bcrypt.compare('wrong', hash, `c${index}`));
    const outcomes = await Promise.allSettled(asked);
    expect(outcomes.filter(({ status }) => status === 'rejected')).toHaveLength(1);
    expect(outcomes.at(-1)).toMatchObject({ reason: expect.any(RegistryError) as unknown });
  });
});

test('closing ends those who wait', async () => {
  const waiting = [1, 2, 3].map(() => bcrypt.compare('right', hash, 'c'));
  const settled = Promise.allSettled(waiting);
  await bcrypt[Symbol.asyncDispose]();
  const outcomes = await within(60_000, 'the end of all comparisons', settled);
  expect(outcomes.every(({ status }) => status === 'rejected')).toBe(true);
});
