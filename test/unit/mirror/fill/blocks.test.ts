import { describe, expect, it } from 'vitest';
import { blockBytes, Blocks } from '../../../../src/mirror/fill/blocks.ts';

/** How many of the next `count` blocks are among `known`. */
function again(blocks: Blocks, known: ReadonlySet<Buffer>, count: number): number {
  return Array.from({ length: count }, () => blocks.take(blockBytes)).filter((block) => known.has(block))
    .length;
}

function taken(blocks: Blocks, count: number): Buffer[] {
  return Array.from({ length: count }, () => blocks.take(blockBytes));
}

describe('blocks that were given back', () => {
  it('are used again, as many as are in use', () => {
    const blocks = new Blocks();
    const [some, others] = [taken(blocks, 40), taken(blocks, 40)];
    for (const block of some) blocks.giveBack(block);
    expect(others.length).toBe(40);
    expect(again(blocks, new Set(some), 40)).toBe(40);
  });

  it('do not stay beyond sixteen once none is in use', () => {
    const blocks = new Blocks();
    const all = taken(blocks, 100);
    for (const block of all) blocks.giveBack(block);
    expect(again(blocks, new Set(all), 100)).toBe(16);
  });
});
