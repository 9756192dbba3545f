import { describe, expect, it } from 'vitest';
import { findServerKey, serverKey } from '../../../../src/upstream/credentials/server-key.ts';

describe('serverKey', () => {
  it.each([
    ['docker.io', 'https://index.docker.io/v1/'],
    ['index.docker.io', 'https://index.docker.io/v1/'],
    ['registry-1.docker.io', 'https://index.docker.io/v1/'],
    ['ghcr.io', 'ghcr.io'],
    ['registry:5000', 'registry:5000'],
    ['123456789012.dkr.ecr.eu-west-1.amazonaws.com', '123456789012.dkr.ecr.eu-west-1.amazonaws.com'],
  ])('calls %s what Docker calls it', (host, key) => {
    expect(serverKey(host)).toBe(key);
  });
});

describe('findServerKey', () => {
  it.each([
    ['registry-1.docker.io', ['docker.io', 'https://index.docker.io/v1/'], 'https://index.docker.io/v1/'],
    ['registry-1.docker.io', ['docker.io'], 'docker.io'],
    [
      'registry-1.docker.io',
      ['https://index.docker.io/v1/access-token', 'https://index.docker.io/v1/'],
      'https://index.docker.io/v1/',
    ],
    ['ghcr.io', ['https://ghcr.io/v1/', 'ghcr.io'], 'ghcr.io'],
    ['quay.io', ['https://quay.io'], 'https://quay.io'],
    ['quay.io', ['HTTPS://Quay.IO/v2'], 'HTTPS://Quay.IO/v2'],
    ['registry:5000', ['registry', 'registry:5001', 'http://registry:5000/'], 'http://registry:5000/'],
    ['registry.example.com', ['registry.example.com:443'], 'registry.example.com:443'],
    ['quay.io', ['quay.io/org', 'quay.io'], 'quay.io'],
    ['quay.io', ['quay.io/org'], 'quay.io/org'],
  ])('finds %s among %j', (host, keys, key) => {
    expect(findServerKey(keys, host)).toBe(key);
  });

  it.each([
    ['ghcr.io', []],
    ['ghcr.io', ['xghcr.io', 'ghcr.io.example.com', 'ghcr.io:5000', 'https://user@example.com/ghcr.io']],
    ['ghcr.io', ['https://', '', 'not a host', '%']],
    ['example.com', ['https://index.docker.io/v1/']],
    ['quay.io', ['quay.io/one', 'quay.io/two']],
  ])('does not find %s among %j', (host, keys) => {
    expect(findServerKey(keys, host)).toBeUndefined();
  });
});
