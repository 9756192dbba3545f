import { describe, expect, it } from 'vitest';
import { complaintAbout } from '../../support/config-folder.ts';

describe('the message for', () => {
  it.each([
    [
      'a missing version',
      'http: { addr: ":5000" }\n',
      'entrepot.yml:1:1: version: is missing; begin the file with the line "version: 0.1"',
    ],
    [
      'a misspelt key',
      'version: 0.1\nproxy:\n  remote_url: https://ghcr.io\n',
      'entrepot.yml:3:3: proxy.remote_url: unknown key, did you mean proxy.remoteurl?',
    ],
    [
      'a key that is indented wrongly',
      'version: 0.1\nstorage:\n  rootdirectory: /data\n',
      'entrepot.yml:3:3: storage.rootdirectory: unknown key, did you mean storage.filesystem.rootdirectory?',
    ],
    ['a key that nobody knows', 'version: 0.1\nzebra: true\n', 'entrepot.yml:2:1: zebra: unknown key'],
    [
      'a URL without a scheme',
      'version: 0.1\nproxy:\n  remoteurl: registry-1.docker.io\n',
      'entrepot.yml:3:3: proxy.remoteurl: must begin with https:// or http://, did you mean https://registry-1.docker.io?',
    ],
    [
      'a URL with a path',
      'version: 0.1\nproxy:\n  remoteurl: https://ghcr.io/v2/\n',
      'entrepot.yml:3:3: proxy.remoteurl: only a host and a port are possible here, did you mean https://ghcr.io?',
    ],
    [
      "Docker Hub's web site",
      'version: 0.1\nproxy:\n  remoteurl: https://hub.docker.com\n',
      "entrepot.yml:3:3: proxy.remoteurl: that is Docker Hub's web site, did you mean https://registry-1.docker.io?",
    ],
    [
      'a URL that holds credentials',
      'version: 0.1\nproxy:\n  remoteurl: https://me:geheim@ghcr.io\n',
      'entrepot.yml:3:3: proxy.remoteurl: a URL must not hold credentials; give username and passwordfile beside it',
    ],
    [
      'a duration in words',
      'version: 0.1\nproxy:\n  ttl: 7 days\n',
      'entrepot.yml:3:3: proxy.ttl: "7 days" is not a duration; write for example 30s, 1h30m or 168h',
    ],
    [
      'a duration without its unit',
      'version: 0.1\nproxy:\n  ttl: 168\n',
      'entrepot.yml:3:3: proxy.ttl: a bare number counts nanoseconds, as in registry:2, did you mean 168s or 168h?',
    ],
    [
      'a port without its colon',
      'version: 0.1\nhttp:\n  addr: 5000\n',
      'entrepot.yml:3:3: http.addr: "5000" is not an address to listen on; write HOST:PORT or :PORT, did you mean :5000?',
    ],
    [
      'a level that does not exist',
      'version: 0.1\nlog:\n  level: warning\n',
      'entrepot.yml:3:3: log.level: "warning" is not error, warn, info, debug or trace, did you mean warn?',
    ],
    [
      'a section in place of a value',
      'version: 0.1\nproxy:\n  password: { geheim: x }\n  username: me\n',
      'entrepot.yml:3:3: proxy.password: expected a single value, found a section',
    ],
    [
      'a value in place of a section',
      'version: 0.1\nhttp: ":5000"\n',
      'entrepot.yml:2:1: http: expected a section with keys of its own, found a single value',
    ],
    [
      'a password without its user',
      'version: 0.1\nproxy:\n  password: geheim\n',
      'entrepot.yml:3:3: proxy.password: needs a user name: give proxy.username',
    ],
    [
      'a user without a password',
      'version: 0.1\nproxy:\n  username: me\n',
      'entrepot.yml:3:3: proxy.username: needs a password: give proxy.passwordfile (or proxy.password)',
    ],
    [
      'a glob that can match nothing',
      'version: 0.1\nproxy:\n  freshness:\n    rules:\n      - { match: library/nginx, maxage: 1h }\n',
      'entrepot.yml:5:11: proxy.freshness.rules[0].match: "library/nginx" matches no repository:tag, did you mean library/nginx:*?',
    ],
    [
      'a header that only Entrepot can know',
      'version: 0.1\nhttp:\n  headers:\n    Content-Length: ["5"]\n',
      'entrepot.yml:4:5: http.headers.Content-Length: differs from response to response, and is set by Entrepot',
    ],
    [
      'the same key twice',
      'version: 0.1\nlog: {}\nlog: {}\n',
      'entrepot.yml:3:1: not valid YAML: the same key stands twice in this section',
    ],
    [
      'a second document',
      'version: 0.1\n---\nproxy:\n  remoteurl: https://ghcr.io\n',
      'entrepot.yml:2:1: not valid YAML: a second document begins here; one file holds one',
    ],
    [
      'a tab',
      'version: 0.1\nproxy:\n\tremoteurl: https://ghcr.io\n',
      'entrepot.yml:3:1: not valid YAML: indented with a tab; YAML wants spaces',
    ],
    [
      'a password that YAML takes for something else',
      'version: 0.1\nproxy:\n  password: @geheim\n',
      'entrepot.yml:3:13: not valid YAML: a value cannot start with this character; put values with special characters in quotes',
    ],
    [
      'a password that looks like an alias',
      'version: 0.1\nproxy:\n  password: *geheim\n',
      'entrepot.yml:3:13: proxy.password: not valid YAML: an alias to an anchor that does not exist; put values with special characters in quotes',
    ],
    [
      'TLS with half of what it needs',
      'version: 0.1\nhttp:\n  tls:\n    certificate: /nowhere.pem\n',
      'entrepot.yml:3:3: http.tls: needs key, the name of a PEM file',
    ],
    [
      'another version',
      'version: "3.8"\n',
      'entrepot.yml:1:1: version: only version 0.1 of the format exists, write "version: 0.1"',
    ],
  ])('%s', async (_mistake, text, message) => {
    expect(await complaintAbout(text)).toBe(message);
  });

  it('several mistakes tells all of them, in the order of the lines', async () => {
    const complaint = await complaintAbout(
      'version: 0.1\nlog: { level: loud }\nhttp: { addr: x:y }\nauth: { token: {} }\nproxy: { ulr: x, ttl: soon }\n',
      { REGISTRY_HTTP_DRAINTIMEOUT: 'long' },
    );

    expect(complaint.split('\n').map((line) => line.split(': ').slice(0, 2).join(' '))).toEqual([
      'entrepot.yml:2:8 log.level',
      'entrepot.yml:3:9 http.addr',
      'entrepot.yml:4:1 auth',
      'entrepot.yml:5:10 proxy.ulr',
      'entrepot.yml:5:18 proxy.ttl',
      'REGISTRY_HTTP_DRAINTIMEOUT http.draintimeout',
    ]);
  });
});
