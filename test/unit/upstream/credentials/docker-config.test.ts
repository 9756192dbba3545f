import { describe, expect, it } from 'vitest';
import { CredentialError } from '../../../../src/upstream/credentials/credential-error.ts';
import { DockerConfig } from '../../../../src/upstream/credentials/docker-config.ts';

function configOf(values: unknown): DockerConfig {
  return new DockerConfig('/etc/docker.json', JSON.stringify(values));
}

function loginOf(login: unknown): ReturnType<DockerConfig['credentials']> {
  return configOf({ auths: { 'ghcr.io': login } }).credentials('ghcr.io');
}

function errorOf(work: () => unknown): CredentialError {
  try {
    work();
  } catch (error) {
    if (error instanceof CredentialError) return error;
    throw error;
  }
  throw new Error('nothing was thrown');
}

const jsonKey = JSON.stringify(
  { type: 'service_account', private_key: '-----BEGIN\n:a:b\n-----END' },
  null,
  2,
);

describe('a login in config.json', () => {
  it.each([
    ['user:password', { username: 'user', password: 'password' }],
    ['user:pass:with:colons', { username: 'user', password: 'pass:with:colons' }],
    ['user:', { username: 'user', password: '' }],
    ['user:padded\0\0', { username: 'user', password: 'padded' }],
    ['üser:pässword', { username: 'üser', password: 'pässword' }],
    [`_json_key:${jsonKey}`, { username: '_json_key', password: jsonKey }],
  ])('is read from auth %j', (text, credentials) => {
    expect(loginOf({ auth: Buffer.from(text).toString('base64') })).toEqual(credentials);
  });

  it('may have its user name and password apart', () => {
    expect(loginOf({ username: 'user', password: 'a:b' })).toEqual({ username: 'user', password: 'a:b' });
  });

  it('is an identity token when it has one, whatever user name stands beside it', () => {
    const auth = Buffer.from('00000000-0000-0000-0000-000000000000:').toString('base64');
    expect(loginOf({ auth, identitytoken: 'refresh-me' })).toEqual({ identityToken: 'refresh-me' });
  });

  it('is a registry token when it has one', () => {
    expect(loginOf({ registrytoken: 'abc.def' })).toEqual({ registryToken: 'abc.def' });
  });

  it.each([[{}], [{ email: 'user@example.com' }], [{ auth: '' }]])('is none in %j', (login) => {
    expect(loginOf(login)).toBeUndefined();
  });

  it.each([
    [{ auth: 'c2VjcmV0' }],
    [{ auth: '!secret!' }],
    [{ auth: Buffer.from(':secret').toString('base64') }],
    [{ auth: ['secret'] }],
    [{ registrytoken: 'secret\r\nx: y' }],
    ['secret'],
  ])('that is broken (%j) is an error that names its place and not its content', (login) => {
    const { message } = errorOf(() => loginOf(login));
    expect(message).toContain('/etc/docker.json: auths["ghcr.io"]');
    expect(message).not.toMatch(/secret|c2VjcmV0/);
  });

  it('that is broken does no harm to others', () => {
    const config = configOf({ auths: { 'ghcr.io': 7, 'quay.io': { username: 'a', password: 'b' } } });
    expect(config.credentials('quay.io')).toEqual({ username: 'a', password: 'b' });
  });

  it("is found under Docker Hub's own key for every name of Docker Hub, and for no other host", () => {
    const config = configOf({ auths: { 'https://index.docker.io/v1/': { username: 'a', password: 'b' } } });
    expect(config.credentials('registry-1.docker.io')).toEqual({ username: 'a', password: 'b' });
    expect(config.credentials('docker.io')).toEqual({ username: 'a', password: 'b' });
    expect(config.credentials('ghcr.io')).toBeUndefined();
    expect(config.credentials('auth.docker.io')).toBeUndefined();
  });
});

describe('the helper that config.json names', () => {
  const config = configOf({
    credHelpers: { 'ghcr.io': 'vault', 'quay.io': '', 'https://index.docker.io/v1/': 'pass' },
    credsStore: 'desktop',
  });

  it('is the one for the host', () => {
    expect(config.helper('ghcr.io')).toBe('vault');
    expect(config.helper('registry-1.docker.io')).toBe('pass');
  });

  it('is the store for all hosts without one of their own', () => {
    expect(config.helper('gcr.io')).toBe('desktop');
  });

  it('is none when the host is exempted, or there is no helper at all', () => {
    expect(config.helper('quay.io')).toBeUndefined();
    expect(configOf({}).helper('ghcr.io')).toBeUndefined();
  });
});

describe('a broken config.json', () => {
  it.each([
    '{"auths": "s3cret',
    '',
    '[]',
    '"s3cret"',
    '{"auths": ["s3cret"]}',
    '{"credsStore": {"s3cret": 1}}',
  ])('(%j) is an error that names the file and not its content', (text) => {
    const error = errorOf(() => new DockerConfig('/etc/docker.json', text));
    expect(error.message).toContain('/etc/docker.json');
    expect(error.message).not.toContain('s3cret');
    expect(error.cause).toBeUndefined();
  });
});
