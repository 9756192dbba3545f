import { execFileSync } from 'node:child_process';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { complaintAbout, ConfigFolder, complaintOf, loadText } from '../../support/config-folder.ts';

const dockerLogin = 'version: 0.1\nupstreams: { ghcr.io: { credentials: docker-config } }\n';

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
    ['passwordfile: /dev/zero', '/dev/zero is a pipe or a device, not a file'],
    ['passwordfile: pipe', 'pipe is a pipe or a device, not a file'],
    ['password: geheim, exec: { command: x }', 'proxy.exec: proxy.username is set too; keep one of them'],
  ])('are refused with %s', async (keys, message) => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': proxy(`username: me, ${keys}`),
      password: 'geheim',
      empty: '\n',
      huge: 'x'.repeat(70_000),
    });
    execFileSync('mkfifo', [join(folder.path, 'pipe')]);

    const complaint = complaintOf(() => folder.load());

    expect(complaint).toContain(message);
    expect(complaint.split('\n')).toHaveLength(1);
    expect(complaint).not.toContain('geheim');
  });

  it.each([
    ['docker-credential-x get', 'proxy.exec.command: must be one program, without arguments'],
    ['--version', 'proxy.exec.command: must be the name of a program or its path'],
  ])('do not come from the program %j', async (command, message) => {
    expect(await complaintAbout(proxy(`exec: { command: "${command}" }`))).toContain(message);
  });

  it.each([
    ['helper:ecr-login', 'docker-credential-ecr-login'],
    ['helper:/opt/bin/docker-credential-x', '/opt/bin/docker-credential-x'],
  ])('come from the program that %s names', async (credentials, program) => {
    const { config } = await loadText(
      `version: 0.1\nupstreams: { ghcr.io: { credentials: '${credentials}' } }\n`,
    );

    expect(config.upstreams[0].credentials).toEqual({ kind: 'helper', program, lifetimeMs: 600_000 });
  });

  it.each([
    ['helper:docker-credential-gcr', 'did you mean helper:gcr?'],
    ['helper:../x', 'needs the name of a helper'],
    ["'helper:'", 'needs the name of a helper'],
    ['geheim', 'is neither docker-config nor helper:NAME'],
    ['docker-config, password: geheim', 'upstreams.ghcr.io.password is set too; keep one of them'],
  ])('are refused from %s', async (credentials, message) => {
    const complaint = await complaintAbout(
      `version: 0.1\nupstreams: { ghcr.io: { credentials: ${credentials} } }\n`,
    );

    expect(complaint).toContain('upstreams.ghcr.io.credentials: ');
    expect(complaint).toContain(message);
    expect(complaint).not.toContain('geheim');
  });

  it.each([
    [{ DOCKER_CONFIG: '/etc/docker-login', HOME: '/home/me' }, '/etc/docker-login/config.json'],
    [{ HOME: '/home/me' }, '/home/me/.docker/config.json'],
  ])("come from Docker's own file, which %j places", async (environment, file) => {
    const { config, warnings } = await loadText(dockerLogin, environment);

    expect(config.upstreams[0].credentials).toEqual({ kind: 'docker-config', file, text: undefined });
    expect(warnings.join()).toContain(`${file} does not exist; until it can be read`);
  });

  it("come from DOCKER_AUTH_CONFIG before Docker's own file", async () => {
    const text = '{"auths":{"ghcr.io":{"auth":"bWU6Z2VoZWlt"}}}';
    const { config, warnings } = await loadText(dockerLogin, { DOCKER_AUTH_CONFIG: text, HOME: '/home/me' });

    expect(config.upstreams[0].credentials).toMatchObject({ kind: 'docker-config', text });
    expect(warnings.join()).not.toContain('does not exist');
  });
});
