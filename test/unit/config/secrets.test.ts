import { describe, expect, it } from 'vitest';
import { describeConfig } from '../../../src/config/describe.ts';
import { ConfigFolder, complaintOf } from '../../support/config-folder.ts';

const proxy = (keys: string): string => `version: 0.1\nproxy: { remoteurl: "https://ghcr.io", ${keys} }\n`;

describe('credentials', () => {
  it.each([
    ['geheim', 'geheim'],
    ['geheim\n', 'geheim'],
    ['geheim\r\n', 'geheim'],
    ['{\n"type":"key"\n}\n', '{\n"type":"key"\n}'],
  ])('are read from files, %j without its last line end', async (content, password) => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': proxy('usernamefile: user, passwordfile: password'),
      user: 'me\n',
      password: content,
    });

    expect(folder.load().config.upstreams[0].credentials).toEqual({
      kind: 'static',
      username: 'me',
      password,
    });
  });

  it.each([
    ['password: geheim, passwordfile: password', 'proxy.passwordfile: proxy.password is set too; keep one'],
    ['passwordfile: nowhere', 'nowhere does not exist'],
    ['passwordfile: empty', 'empty is empty'],
    ['passwordfile: .', 'is a folder, not a file'],
    ['passwordfile: huge', 'is longer than 64 KiB'],
  ])('are refused with %s', async (keys, message) => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': proxy(`username: me, ${keys}`),
      password: 'geheim',
      empty: '\n',
      huge: 'x'.repeat(70_000),
    });

    const complaint = complaintOf(() => folder.load());

    expect(complaint).toContain(message);
    expect(complaint.split('\n')).toHaveLength(1);
    expect(complaint).not.toContain('geheim');
  });

  it('are masked when the configuration is printed, which otherwise reads back as it was', async () => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': proxy(
        'username: me, password: geheim, ttl: 90m, freshness: { rules: [{ match: "*:x", maxage: 1ms }] }',
      ),
    });
    const { config } = folder.load({
      REGISTRY_HTTP_ADDR: "'[::1]:5000'",
      'REGISTRY_HTTP_HEADERS_X-A': 'yes',
    });

    const printed = describeConfig(config);

    expect(printed).not.toContain('geheim');
    await using copy = await ConfigFolder.create({ 'entrepot.yml': printed });
    expect(copy.load().config).toEqual({
      ...config,
      upstreams: [
        { ...config.upstreams[0], credentials: { kind: 'static', username: 'me', password: '********' } },
      ],
    });
  });
});
