import { describe, expect, it } from 'vitest';
import { describeConfig } from '../../../src/config/describe.ts';
import { complaintAbout, loadText } from '../../support/config-folder.ts';

const withWarm = (keys: string): string => `version: 0.1\nwarm: { ${keys} }\n`;

describe('what is warmed', () => {
  it('is nothing, if nothing is given', async () => {
    expect((await loadText('version: 0.1\n')).config.warm).toBeUndefined();
  });

  it('is a list of images, with defaults for the rest', async () => {
    const { config } = await loadText(withWarm('images: [node:20, ghcr.io/acme/app]'));

    expect(config.warm).toMatchObject({
      images: [
        { registry: 'docker.io', repository: 'library/node', tag: '20' },
        { registry: 'ghcr.io', repository: 'acme/app', tag: 'latest' },
      ],
      files: [],
      referrers: false,
      pin: false,
      jitter: 300_000,
    });
    expect(config.warm).not.toHaveProperty('schedule');
  });

  it('can be all that there is, at any time', async () => {
    const { config, warnings } = await loadText(
      withWarm(
        "files: ., schedule: '0 3 * * 1-5', timezone: Europe/Berlin, platforms: 'linux/amd64,linux/arm64/v8', referrers: true, pin: true, jitter: 0",
      ),
    );

    expect(config.warm).toMatchObject({
      schedule: '0 3 * * 1-5',
      timezone: 'Europe/Berlin',
      platforms: [
        { os: 'linux', architecture: 'amd64' },
        { os: 'linux', architecture: 'arm64' },
      ],
      referrers: true,
      pin: true,
      jitter: 0,
    });
    expect(warnings.filter((warning) => warning.includes('warm'))).toEqual([]);
    expect((await loadText(describeConfig(config))).config.warm).toEqual(config.warm);
  });

  it('may be in a file that comes later', async () => {
    const { config, warnings } = await loadText(withWarm('files: [absent.txt]'));

    const [file = ''] = config.warm?.files ?? [];
    expect(file).toMatch(/^\/.*absent\.txt$/u);
    expect(warnings).toContain(
      `warm.files: ${file} does not exist; its images are not warmed until it can be read`,
    );
  });

  it.each([
    ['pin: true', 'warm: names no image: give images, or files that name some'],
    ["images: 'Node:20'", 'warm.images: "Node:20" '],
    [
      'images: [node, quai.io/a/b]',
      'warm.images[1]: quai.io is not an upstream of this mirror, did you mean quay.io/a/b?',
    ],
    ["images: node, schedule: '0 25 * * *'", 'warm.schedule: "0 25 * * *" is not in the format of crontab'],
    [
      'images: node, schedule: nightly',
      'warm.schedule: "nightly" has not five fields: minute, hour, day, month and day of the week; write for example \'0 3 * * *\' for three at night',
    ],
    ["images: node, schedule: '0 0 31 2 *'", 'warm.schedule: "0 0 31 2 *" never comes'],
    ['images: node, timezone: Berlin', 'warm.timezone: "Berlin" is not a time zone such as Europe/Berlin'],
    ['images: node, platforms: amd64/linux/x/y', 'warm.platforms: '],
  ])('cannot be %s', async (keys, message) => {
    expect(await complaintAbout(withWarm(keys))).toContain(message);
  });
});
