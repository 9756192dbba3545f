import { describe, expect, it } from 'vitest';
import { InUse } from '../../../src/cache/in-use.ts';
import { digestOf } from '../../../src/oci/digest.ts';

const blob = digestOf(Buffer.from('a blob'));
const other = digestOf(Buffer.from('another'));

describe('a blob in use', () => {
  it('is so until the last who holds it lets go', () => {
    const inUse = new InUse();
    const first = inUse.hold(blob);
    const second = inUse.hold(blob);

    first[Symbol.dispose]();
    expect(inUse.has(blob)).toBe(true);
    second[Symbol.dispose]();
    expect(inUse.has(blob)).toBe(false);
  });

  it('is not let go twice by the same holder', () => {
    const inUse = new InUse();
    const first = inUse.hold(blob);
    inUse.hold(blob);

    first[Symbol.dispose]();
    first[Symbol.dispose]();

    expect(inUse.has(blob)).toBe(true);
  });

  it('is that blob alone', () => {
    const inUse = new InUse();
    inUse.hold(blob);

    expect(inUse.has(other)).toBe(false);
  });
});
