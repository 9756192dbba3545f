import { describe, expect, it } from 'vitest';
import { complaintAbout, loadText } from '../../support/config-folder.ts';

describe('the limit of the bandwidth', () => {
  it.each([
    ['10MiB', 10 * 2 ** 20],
    ['12.5MB', 12_500_000],
    ['500KB/s', 500_000],
    ['16384', 16_384],
  ])('can be given as %s', async (text, bytes) => {
    const { config } = await loadText(
      `version: 0.1\nproxy: { maxrate: ${text} }\nupstreams: { docker.io: , ghcr.io: { maxrate: 1MiB } }\n`,
    );

    expect(config.maxRate).toBe(bytes);
    expect(config.upstreams.map(({ maxRate }) => maxRate)).toEqual([undefined, 2 ** 20]);
  });

  it.each([
    [
      '100Mbit',
      '"100Mbit" is not a number of bytes a second, such as 10MiB; a line of 100 Mbit/s has 12.5MB',
    ],
    ['100 Mb/s', '"100 Mb/s" is not a number of bytes a second'],
    ['100Mbps', '"100Mbps" is not a number of bytes a second'],
    ['10', '"10" is less than the least, 16 KiB a second'],
    ['50%', '"50%" is not a number of bytes a second'],
  ])('cannot be given as %s', async (text, message) => {
    expect(await complaintAbout(`version: 0.1\nproxy: { maxrate: '${text}' }\n`)).toContain(
      `proxy.maxrate: ${message}`,
    );
  });
});
