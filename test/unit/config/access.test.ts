import { describe, expect, it } from 'vitest';
import { complaintAbout, ConfigFolder, complaintOf, loadText } from '../../support/config-folder.ts';

const upstreams = 'upstreams: { docker.io: , ghcr.io: { username: me, password: geheim } }';

/** A folder with what a configuration of logins names. */
function withLogin(text: string): Promise<ConfigFolder> {
  return ConfigFolder.create({
    'entrepot.yml': `version: 0.1\n${upstreams}\n${/^http:/mu.test(text) ? '' : "http: { addr: ':5000' }"}\n${text}\n`,
    htpasswd: 'me:$2y$05$x\n',
    'roots.pem': '',
    'keys.json': '{}',
  });
}

const htpasswd = 'auth: { htpasswd: { path: htpasswd } }';

describe('auth', () => {
  it("takes registry:2's htpasswd and token, and passthrough", async () => {
    await using folder = await withLogin(`
auth:
  htpasswd: { realm: Registry Realm, path: htpasswd }
  token:
    realm: https://auth.example.com/token
    service: mirror
    issuer: Auth
    rootcertbundle: roots.pem
    jwks: keys.json
    signingalgorithms: [HS256, es256, EdDSA]
    autoredirect: false
  passthrough: true
`);

    expect(folder.load().config.auth).toEqual({
      htpasswd: { realm: 'Registry Realm', path: `${folder.path}/htpasswd` },
      token: {
        realm: new URL('https://auth.example.com/token'),
        service: 'mirror',
        issuer: 'Auth',
        keys: { rootcertbundle: [`${folder.path}/roots.pem`], jwks: `${folder.path}/keys.json` },
        signingalgorithms: ['ES256', 'EdDSA'],
      },
      passthrough: true,
    });
  });

  it('has a realm when the file gives none', async () => {
    await using folder = await withLogin(htpasswd);

    expect(folder.load().config.auth.htpasswd?.realm).toBe('Entrepot');
  });

  it.each([
    ['htpasswd: { path: nowhere }', 'auth.htpasswd.path: /nowhere does not exist'],
    ['htpasswd: { realm: r }', 'auth.htpasswd.path: is missing'],
    ['htpasswd: { realm: "a\\nb", path: htpasswd }', 'auth.htpasswd.realm: must consist of plain ASCII'],
    ['token: { realm: "https://a", service: s, issuer: i }', 'auth.token: needs keys to check tokens with'],
    [
      'token: { realm: a.example, service: s, issuer: i, jwks: keys.json }',
      'auth.token.realm: must be the URL at which clients get tokens',
    ],
    [
      'token: { realm: "https://a", service: s, issuer: i, jwks: keys.json, signingalgorithms: HS256 }',
      'auth.token.signingalgorithms: tokens that are signed with a shared secret are not taken',
    ],
    [
      'token: { realm: "https://a", service: s, issuer: i, jwks: keys.json, signingalgorithms: [none] }',
      'auth.token.signingalgorithms[0]: "none" is not one of EdDSA',
    ],
    ['passthroug: true', 'auth.passthroug: unknown key, did you mean auth.passthrough?'],
    ['htpasswd:', 'auth: protects nothing'],
  ])('is refused with %s', async (section, message) => {
    await using folder = await withLogin(`auth: { ${section} }`);

    expect(complaintOf(() => folder.load()).replaceAll(folder.path, '')).toContain(message);
  });

  it.each([
    [htpasswd, ['everyone has to log in, as with registry:2', 'go over the network unencrypted']],
    [
      `${htpasswd}\naccess: { anonymous: allow }\nhttp: { public: { addr: ':5001' } }`,
      ['go over the network unencrypted'],
    ],
    [
      `${htpasswd}\naccess: { anonymous: deny, rules: [{ match: '**', allow: [anonymous, authenticated] }] }`,
      ['anonymous in access.rules changes nothing', 'go over the network unencrypted'],
    ],
    [
      'auth: { htpasswd: { path: htpasswd }, passthrough: true }\naccess: { anonymous: deny }',
      ['auth.passthrough changes nothing: everyone has to log in', 'go over the network unencrypted'],
    ],
    [`${htpasswd}\naccess: { anonymous: deny }`, ['go over the network unencrypted']],
    ['auth: { passthrough: true }', ['dockerd without a login gets nothing']],
    [`auth: { passthrough: true }\nhttp: { public: { addr: ':5001' } }`, []],
    ['', ['private images of ghcr.io are served to nobody']],
    ['access: { private: allow }', []],
    ['access: { private: authenticated }', []],
    [
      'access: { anonymous: deny }\nauth: { token: { realm: "http://a", service: s, issuer: i, jwks: keys.json } }',
      ['passwords of clients go to the token service unencrypted'],
    ],
  ])('is warned about where it may not do what was meant: %j', async (text, expected) => {
    await using folder = await withLogin(text);

    const { warnings } = folder.load();

    expect(warnings).toEqual(expected.map((part) => expect.stringContaining(part) as string));
  });

  it.each([
    ['on this machine alone', '[::1]:5000', '127.0.0.1:5001', []],
    [
      'at one address that others reach',
      '127.0.0.1:5000',
      ':5001',
      ['passwords of clients go over the network'],
    ],
  ])('is warned about passwords in the clear, when it listens %s', async (_, addr, listen, expected) => {
    await using folder = await ConfigFolder.create({
      'entrepot.yml': `version: 0.1
http: { addr: '${addr}' }
upstreams: { docker.io: , quay.io: { url: 'http://[::1]:5002', username: me, password: geheim, listen: '${listen}' } }
${htpasswd}
access: { anonymous: deny }
`,
      htpasswd: 'me:$2y$05$x\n',
    });

    const { warnings } = folder.load();

    expect(warnings).toEqual(expected.map((part) => expect.stringContaining(part) as string));
  });

  it('is warned about where nobody has anything private to pass through to', async () => {
    const { warnings } = await loadText(
      'version: 0.1\nupstreams: { ghcr.io: }\nauth: { passthrough: true }\n',
    );

    expect(warnings).toEqual([expect.stringContaining('auth.passthrough changes nothing')]);
  });

  it('is warned about where a password that is passed through may get to several registries', async () => {
    const account = '{ username: robot, password: secret }';
    const { warnings } = await loadText(
      `version: 0.1\nupstreams: { ghcr.io: ${account}, quay.io: ${account}, docker.io: }\nauth: { passthrough: true }\nhttp: { public: { addr: ":5001" } }\n`,
    );

    expect(warnings).toEqual([expect.stringContaining('whichever of ghcr.io, quay.io they pull from')]);
  });
});

describe('access', () => {
  it('takes single values for lists', async () => {
    await using folder = await withLogin(`${htpasswd}
access:
  anonymous: deny
  private: allow
  groups: { ops: me, none: }
  rules:
    - { match: 'ghcr.io/acme/**', allow: 'group:ops' }
    - { match: '*/library/*', allow: [anonymous, authenticated, 'user:you@example.com'] }
    - { match: 'docker.io/**', allow: [] }
  mirror: { allow: '**', deny: [docker.io/library/busybox] }
`);

    expect(folder.load().config.access).toEqual({
      anonymous: 'deny',
      private: 'allow',
      groups: { ops: ['me'], none: [] },
      rules: [
        { match: 'ghcr.io/acme/**', allow: ['group:ops'] },
        { match: '*/library/*', allow: ['anonymous', 'authenticated', 'user:you@example.com'] },
        { match: 'docker.io/**', allow: [] },
      ],
      mirror: { allow: ['**'], deny: ['docker.io/library/busybox'] },
    });
  });

  it.each([
    [
      `groups: { ops: [me] }, rules: [{ match: '**', allow: [group:opps] }]`,
      'access.rules[0].allow: there is no access.groups.opps, did you mean group:ops?',
    ],
    [
      `rules: [{ match: '**', allow: [group:constructor] }]`,
      'access.rules[0].allow: there is no access.groups.constructor',
    ],
    [`rules: [{ match: '**', allow: [me] }]`, 'access.rules[0].allow[0]: "me" is nobody: write anonymous'],
    [`rules: [{ match: '**', allow: 'user:' }]`, 'access.rules[0].allow: "user:" is nobody'],
    [`rules: [{ match: '**' }]`, 'access.rules[0].allow: is missing'],
    [
      `rules: [{ match: '**', allow: [], alow: x }]`,
      'access.rules[0].alow: unknown key, did you mean access.rules[0].allow?',
    ],
    [
      `rules: [{ match: 'ghcr.io/[a', allow: [] }]`,
      'access.rules[0].match: has a character that is in no name',
    ],
    [`mirror: { deny: ['ghcr.io/{a'] }`, 'access.mirror.deny[0]: has half a pair of {}'],
    [`mirror: { deny: '!ghcr.io/**' }`, 'access.mirror.deny: has a character that is in no name'],
    [
      `mirror: { deny: 'ghcr.io/*' }`,
      '"ghcr.io/*" leaves out names of several parts, did you mean ghcr.io/**?',
    ],
    [`mirror: { deny: 'ghcr.io' }`, '"ghcr.io" matches nothing, did you mean ghcr.io/**?'],
    [`mirror: { deny: 'docker.io/nginx' }`, 'matches nothing, did you mean docker.io/library/nginx?'],
    [
      `mirror: { deny: 'ghcr.io/Acme/**' }`,
      '"ghcr.io/Acme/**" matches nothing: names of images have no capitals, did you mean ghcr.io/acme/**?',
    ],
    [`mirror: { deny: 'ghcr.io/acme/app:latest' }`, 'matches nothing: it goes by repositories, without tags'],
    [`mirror: { deny: 'ghcr.io/acme/' }`, 'matches nothing, did you mean ghcr.io/acme/**?'],
    [`mirror: { deny: 'ghcr.io/acme-**' }`, 'has ** beside other characters'],
    [
      `mirror: { deny: 'quay.io/**' }`,
      'quay.io is not an upstream of this mirror; patterns begin with one of',
    ],
    [`mirror: { deny: 'gchr.io/**' }`, 'gchr.io is not an upstream of this mirror, did you mean ghcr.io/**?'],
    [`mirror: { deny: 'index.docker.io/**' }`, 'did you mean docker.io/**?'],
    [`mirror: { deny: 'library/nginx' }`, 'patterns begin with one, did you mean docker.io/library/nginx?'],
    ['private: everyone', 'access.private: "everyone" is not authenticated or allow'],
  ])('is refused with %s', async (section, message) => {
    await using folder = await withLogin(`${htpasswd}\naccess: { ${section} }`);

    const complaint = complaintOf(() => folder.load());

    expect(complaint).toContain(message);
    expect(complaint.split('\n')).toHaveLength(1);
  });

  it.each([
    ['anonymous: deny', 'access.anonymous: asks everyone to log in, which nobody can'],
    [
      `rules: [{ match: '**', allow: [authenticated] }]`,
      'access.rules[0].allow: authenticated has to log in, which nobody can',
    ],
  ])('cannot ask for logins that nobody can make: %s', async (section, message) => {
    expect(await complaintAbout(`version: 0.1\naccess: { ${section} }\n`)).toContain(message);
  });

  it.each([
    [htpasswd, 'deny'],
    [`${htpasswd}\naccess: { anonymous: deny }`, 'deny'],
    [`${htpasswd}\naccess: { anonymous: allow }\nhttp: { public: { addr: ':5001' } }`, 'allow'],
    ['auth: { passthrough: true }', 'allow'],
    ['', 'allow'],
  ])(
    'closes a mirror with accounts, as registry:2 does, unless it says otherwise: %j',
    async (text, expected) => {
      await using folder = await withLogin(text);

      expect(folder.load().config.access.anonymous).toBe(expected);
    },
  );

  it.each([
    [
      `${htpasswd}\naccess: { anonymous: allow }`,
      'access.anonymous: allow needs http.public.addr, a second address such as :5001, for dockerd without a login: it stops where GET /v2/ is answered 401, as http.addr must answer for docker login to work; or write deny',
    ],
    [
      `${htpasswd}\nhttp: { public: { addr: ':5001' } }`,
      'http.public: would serve nobody, since everyone has to log in; write access.anonymous: allow, or leave it out',
    ],
    [
      `http: { public: { addr: ':5001' } }`,
      'http.public: is of no use without auth: http.addr asks nobody to log in',
    ],
    [
      `${htpasswd}\naccess: { anonymous: allow }\nhttp: { public: { addr: '127.0.0.1:5000' } }`,
      'http.public.addr: 127.0.0.1:5000 is taken already by http.addr',
    ],
    [`${htpasswd}\nhttp: { public: { port: 5001 } }`, 'http.public.port: unknown key'],
  ])('needs two addresses for those with and without a login: %j', async (text, message) => {
    await using folder = await withLogin(text);

    expect(complaintOf(() => folder.load())).toContain(message);
  });

  it('may close to everyone what needs no login to be closed', async () => {
    const { config } = await loadText(
      `version: 0.1\naccess: { rules: [{ match: 'ghcr.io/acme/**', allow: [] }, { match: '**', allow: anonymous }] }\n`,
    );

    expect(config.access.rules).toHaveLength(2);
  });
});
