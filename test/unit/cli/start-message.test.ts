import { writeFile } from 'node:fs/promises';
import { describe, expect, it } from 'vitest';
import { startMessage, summarize } from '../../../src/cli/start-message.ts';
import { loadConfig } from '../../../src/config/load.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const configOf = (environment: Readonly<Record<string, string>>) =>
  loadConfig({ environment, directory: '/srv' }).config;

const hubOnly = { REGISTRY_PROXY_REMOTEURL: 'https://registry-1.docker.io' };

const at = (...addresses: readonly string[]) => ({ addresses, bound: [] });

describe('the message at the start', () => {
  it('has what an operator needs, with an address that clients can reach', () => {
    const summary = summarize(configOf({}), at('http://[::]:5000'), '192.0.2.7');

    expect(startMessage(summary)).toBe(`Entrepot is ready.
  listening on  http://192.0.2.7:5000
  mirroring     docker.io (plain names), ghcr.io, quay.io, gcr.io, registry.k8s.io, mcr.microsoft.com,
                public.ecr.aws, registry.gitlab.com, lscr.io, nvcr.io
  storing in    /srv/data
  pull with     docker pull 192.0.2.7:5000/ghcr.io/NAME:TAG
For Docker, put this into /etc/docker/daemon.json and restart it:
  {"registry-mirrors":["http://192.0.2.7:5000"],"insecure-registries":["192.0.2.7:5000"]}
For other clients, see what "entrepot setup" prints.
`);
  });

  it('says that no registry is asked', () => {
    const config = configOf({ ...hubOnly, REGISTRY_OFFLINE: 'true' });

    expect(startMessage(summarize(config, at('http://127.0.0.1:5000')))).toContain(
      '  mirroring     docker.io\n  offline       no registry is asked; "entrepot offline off" ends it\n  storing in ',
    );
  });

  it('says little where there is one upstream', () => {
    const message = startMessage(summarize(configOf(hubOnly), at('http://127.0.0.1:5000')));

    expect(message).toContain('  mirroring     docker.io\n  storing in    /srv/data\nFor Docker,');
  });

  it('calls nothing insecure that has TLS, and keeps the port that URLs leave out', () => {
    const { daemonJson } = summarize(configOf(hubOnly), at('https://mirror.example:443'), '192.0.2.7');

    expect(daemonJson).toEqual({ 'registry-mirrors': ['https://mirror.example:443'] });
  });

  it('does not offer a mirror of another registry as one of Docker Hub', () => {
    const config = configOf({ REGISTRY_PROXY_REMOTEURL: 'https://ghcr.io' });

    const message = startMessage(summarize(config, at('http://0.0.0.0:80'), '192.0.2.7'));

    expect(message).toContain('docker pull 192.0.2.7:80/NAME:TAG');
    expect(message).toContain('{"insecure-registries":["192.0.2.7:80"]}');
  });

  it('tells addresses and names that stand for one upstream, and gives Docker those of Docker Hub', () => {
    const config = configOf({
      REGISTRY_UPSTREAMS:
        '{ docker.io: { listen: ":5001" }, ghcr.io: { hosts: [ghcr.lan], listen: ":5002" }, quay.io: }',
      REGISTRY_PROXY_REMOTEURL: 'http://10.0.0.7:5000',
    });

    const summary = summarize(
      config,
      {
        addresses: ['http://[::]:5000'],
        bound: [
          { upstream: 'docker.io', address: 'http://[::]:5001' },
          { upstream: 'ghcr.io', address: 'http://[::]:5002' },
        ],
      },
      '192.0.2.7',
    );

    expect(startMessage(summary)).toContain(`
  listening on  http://192.0.2.7:5000
                http://192.0.2.7:5001 for docker.io alone
                http://192.0.2.7:5002 for ghcr.io alone
                http://ghcr.lan:5000 for ghcr.io alone
  mirroring     10.0.0.7:5000 (plain names, at http://10.0.0.7:5000), docker.io, ghcr.io, quay.io
`);
    expect(summary.daemonJson).toEqual({
      'registry-mirrors': ['http://192.0.2.7:5001'],
      'insecure-registries': ['192.0.2.7:5000', '192.0.2.7:5001'],
    });
  });

  it('tells the address without logins, which is the one that dockerd can use as a mirror', () => {
    const config = configOf({});
    const listening = { ...at('http://[::]:5000'), publicAddress: 'http://[::]:5001' };

    const summary = summarize(config, listening, '192.0.2.7');

    expect(startMessage(summary)).toContain(`
  listening on  http://192.0.2.7:5000
                http://192.0.2.7:5001 without logins, for what is public
`);
    expect(startMessage(summary)).toContain('docker pull 192.0.2.7:5001/ghcr.io/NAME:TAG');
    expect(summary.daemonJson).toEqual({
      'registry-mirrors': ['http://192.0.2.7:5001'],
      'insecure-registries': ['192.0.2.7:5000', '192.0.2.7:5001'],
    });
  });

  it('offers dockerd no mirror that it would have to log in to', () => {
    const config = configOf(hubOnly);
    const closed = { ...config, access: { ...config.access, anonymous: 'deny' as const } };

    expect(summarize(closed, at('http://127.0.0.1:5000')).daemonJson).toEqual({
      'insecure-registries': ['127.0.0.1:5000'],
    });
  });

  it('shows that there are credentials, and none of them', () => {
    const config = configOf({
      ...hubOnly,
      REGISTRY_PROXY_USERNAME: 'someone',
      REGISTRY_PROXY_PASSWORD: 'geheim',
      HTTPS_PROXY: 'http://me:geheim@proxy:3128',
    });

    const summary = summarize(config, at('http://127.0.0.1:5000'));

    expect(startMessage(summary)).toContain('mirroring     docker.io (with an account)\n');
    expect(startMessage(summary) + JSON.stringify(summary)).not.toMatch(/geheim|someone/);
  });

  it('tells where clients log in, and how they then pull where all have to', async () => {
    await using folder = await TempFolder.create();
    await writeFile(folder.join('users'), '');
    const closed = configOf({ ...hubOnly, REGISTRY_AUTH_HTPASSWD_PATH: folder.join('users') });

    expect(startMessage(summarize(closed, at('http://10.0.0.7:5000')))).toContain(
      `  log in with   docker login 10.0.0.7:5000
  pull with     docker pull 10.0.0.7:5000/NAME:TAG
`,
    );
    expect(startMessage(summarize(configOf(hubOnly), at('http://10.0.0.7:5000')))).not.toContain('log in');
  });
});
