import { describe, expect, it } from 'vitest';
import { operations } from '../../../src/control/operations.ts';
import { FakeServices } from '../../support/fake-services.ts';

describe('an operation', () => {
  it('is performed once its answer is iterated: a request that is cut off before changes nothing', async () => {
    const services = new FakeServices();
    const { caretaker } = services;

    const { items } = operations.remove.prepare(services, { image: 'node:20' });

    expect(caretaker.calls).toEqual([]);
    expect(await Array.fromAsync(items)).toEqual([await caretaker.removal()]);
    expect(caretaker.calls).toEqual([['remove', 'node:20']]);
  });
});
