import { describe, expect, it } from 'vitest';
import { Pace } from '../../../src/upstream/pace.ts';

describe('Pace', () => {
  it('asks for a kibibyte in every minute of waiting', () => {
    const pace = new Pace();
    expect(pace.keepsUp(1023, 59_999)).toBe(true);
    expect(pace.keepsUp(1, 1)).toBe(true);
    expect(pace.keepsUp(0, 59_999)).toBe(true);
    expect(pace.keepsUp(1023, 1)).toBe(false);
  });

  it('does not let a fast start pay for a standstill', () => {
    const pace = new Pace();
    expect(pace.keepsUp(1_000_000_000, 60_000)).toBe(true);
    expect(pace.keepsUp(1, 60_000)).toBe(false);
  });

  it('counts no waiting while the clock is set back', () => {
    const pace = new Pace();
    expect(pace.keepsUp(1, -3_600_000)).toBe(true);
    expect(pace.keepsUp(1, 60_000)).toBe(false);
  });
});
