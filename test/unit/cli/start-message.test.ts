import { describe, expect, it } from 'vitest';
import { startMessage, summarize } from '../../../src/cli/start-message.ts';
import { loadConfig } from '../../../src/config/load.ts';

const configOf = (environment: Readonly<Record<string, string>>) =>
  loadConfig({ environment, directory: '/srv' }).config;

describe('the message at the start', () => {
  it('has what an operator needs, with an address that clients can reach', () => {
    const summary = summarize(configOf({}), ['http://[::]:5000'], '192.0.2.7');

    expect(startMessage(summary)).toBe(`Entrepot is ready.
  listening on  http://192.0.2.7:5000
  mirroring     docker.io (https://registry-1.docker.io, anonymous)
  storing in    /srv/data
For Docker, put this into /etc/docker/daemon.json and restart it:
  {"registry-mirrors":["http://192.0.2.7:5000"],"insecure-registries":["192.0.2.7:5000"]}
`);
  });

  it('calls nothing insecure that has TLS, and keeps the port that URLs leave out', () => {
    const { daemonJson } = summarize(configOf({}), ['https://mirror.example:443'], '192.0.2.7');

    expect(daemonJson).toEqual({ 'registry-mirrors': ['https://mirror.example:443'] });
  });

  it('does not offer a mirror of another registry as one of Docker Hub', () => {
    const config = configOf({ REGISTRY_PROXY_REMOTEURL: 'https://ghcr.io' });

    const message = startMessage(summarize(config, ['http://0.0.0.0:80'], '192.0.2.7'));

    expect(message).toContain('docker pull 192.0.2.7:80/NAME:TAG');
    expect(message).toContain('{"insecure-registries":["192.0.2.7:80"]}');
  });

  it('shows no credentials', () => {
    const config = configOf({ REGISTRY_PROXY_USERNAME: 'me', REGISTRY_PROXY_PASSWORD: 'geheim' });

    const message = startMessage(summarize(config, ['http://127.0.0.1:5000']));

    expect(message).toContain('docker.io (https://registry-1.docker.io)');
    expect(message).not.toContain('geheim');
  });
});
