import { parse as parseToml } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import type { ClientName } from '../../../../src/cli/setup/client-names.ts';
import { guides } from '../../../../src/cli/setup/clients/guides.ts';
import { addBlock, removeBlock } from '../../../../src/cli/setup/files/block.ts';
import { FileConflict } from '../../../../src/cli/setup/files/edited.ts';
import { addToLists, removeFromLists } from '../../../../src/cli/setup/files/json-lists.ts';
import { addTo, isTaken, textOf, type LocalFile } from '../../../../src/cli/setup/files/local-file.ts';
import { removeYamlEntries } from '../../../../src/cli/setup/files/yaml-entries.ts';
import { aMirror } from './a-mirror.ts';

const mirror = 'http://mirror.lan:5000';
const lists = { 'registry-mirrors': [mirror], 'insecure-registries': ['mirror.lan:5000'] };

/** What versions up to 0.1 recorded of a registries.yaml, to whose file they added the rest themselves. */
const yamlEntries = [
  { path: ['mirrors', 'docker.io', 'endpoint'], values: [mirror], depth: 0 },
  { path: ['configs', 'mirror.lan:5000', 'tls', 'ca_file'], depth: 0 },
];

function fileOf(client: ClientName, end: string): LocalFile {
  const file = guides[client].guide(aMirror()).files?.find(({ path }) => path.endsWith(end));
  if (file === undefined) throw new Error(`${client} has no ${end}`);
  return file;
}

describe('members of lists in a JSON file', () => {
  it('leave every other line as it was', () => {
    const text =
      '{\n\t"dns": ["1.1.1.1", "8.8.8.8"],\n\t"shm": 12345678901234567890,\n\t"registry-mirrors": []\n}\n';

    expect(addToLists(text, lists).text).toBe(
      `{\n\t"dns": ["1.1.1.1", "8.8.8.8"],\n\t"shm": 12345678901234567890,\n\t"registry-mirrors": [\n\t\t"${mirror}"\n\t],\n\t"insecure-registries": [\n\t\t"mirror.lan:5000"\n\t]\n}\n`,
    );
  });

  it('come before those of others, and only once', () => {
    const text = `{"registry-mirrors": ["https://other", "${mirror}"], "insecure-registries": ["other:5000"]}`;

    expect(JSON.parse(addToLists(text, lists).text)).toEqual({
      'registry-mirrors': ['https://other', mirror],
      'insecure-registries': ['mirror.lan:5000', 'other:5000'],
    });
  });

  it('change nothing when they are there', () => {
    const { text } = addToLists('{"debug":true}', lists);

    expect(addToLists(text, lists)).toEqual({ text, added: [] });
  });

  it('are taken back one by one from a file that others changed since, and those that were there before stay', () => {
    const before = `{"registry-mirrors": ["${mirror}"]}`;
    const { added } = addToLists(before, lists);
    const since = `{"insecure-registries": ["theirs:5000", "mirror.lan:5000"], "registry-mirrors": ["${mirror}"], "debug": true}`;

    expect(JSON.parse(removeFromLists(since, added).text)).toEqual({
      'insecure-registries': ['theirs:5000'],
      'registry-mirrors': [mirror],
      debug: true,
    });
  });

  it.each([
    ['{"debug": true,}', 'is not valid JSON'],
    ['{"debug": true} // mine', 'is not valid JSON'],
    ['[]', 'is not a JSON object'],
    ['null', 'is not a JSON object'],
    ['{"registry-mirrors": "https://other"}', 'has a registry-mirrors that is not a list of strings'],
    ['{"registry-mirrors": [1]}', 'has a registry-mirrors that is not a list of strings'],
    ['{"registry-mirrors": [], "registry-mirrors": []}', 'has registry-mirrors twice'],
  ])('do not touch %s', (text, reason) => {
    expect(() => addToLists(text, lists)).toThrow(new FileConflict(reason));
  });
});

describe('a byte order mark', () => {
  // dockerd takes it since 23.0, as what runs on Windows writes it: daemon/config/config.go, RFC 8259 section
  // 8.1.
  it.each([
    ['daemon.json', '\uFEFF{"debug": true}'],
    ['an empty daemon.json', '\uFEFF'],
  ])('of %s stays, over the change and back', (_, text) => {
    const { text: after, added } = addToLists(text, lists);

    expect(after).toMatch(/^\uFEFF[^\uFEFF]*mirror\.lan:5000[^\uFEFF]*$/u);
    expect(addToLists(after, lists)).toEqual({ text: after, added: [] });
    const back = removeFromLists(after, added).text;
    expect(back).toMatch(/^\uFEFF[^\uFEFF]*$/u);
    expect(back).not.toContain('mirror.lan');
  });

  it('of a registries.yaml stays when entries are taken back', () => {
    const text = `\uFEFFmirrors:\n  docker.io:\n    endpoint: [${mirror}, https://quay.io]\n`;

    expect(removeYamlEntries(text, yamlEntries).text).toMatch(
      /^\uFEFFmirrors:[^\uFEFF]*quay\.io[^\uFEFF]*$/u,
    );
  });

  it('keeps a TOML file as it is: containerd 2 does not read it', () => {
    expect(isTaken({ path: 'hosts.toml', kind: 'block', text: 'a = 1\n' }, '\uFEFF# mine\n')).toBe(true);
  });
});

/** What a guide leaves to the owner of such a file. */
function byHand(client: ClientName, end: string, text: string): string | undefined {
  const file = fileOf(client, end);
  return file.kind === 'json' ? undefined : file.byHand?.(text);
}

const configToml = (text: string): string | undefined => byHand('containerd', 'config.toml', text);

describe('a settings file of somebody else', () => {
  it.each([
    ['an inline table', 'plugins = { "io.containerd.grpc.v1.cri" = { sandbox_image = "pause" } }'],
    ['an inline table below', '[plugins]\n"io.containerd.grpc.v1.cri" = { sandbox_image = "pause" }'],
    ['a table', '[plugins]'],
  ])('is not changed: TOML with %s', (_, toml) => {
    const text = `version = 2\n${toml}\n`;

    expect(isTaken(fileOf('containerd', 'config.toml'), text)).toBe(true);
    expect(configToml(text)).toMatch(/set config_path = /u);
  });

  it('may have integers that Go has room for', () => {
    expect(configToml('version = 3\noom_score = 9223372036854775807\n')).toMatch(/set config_path = /u);
  });

  it.each(['registry = { "quay.io" = { mirrors = ["a"] } }\n', 'debug = true\n', 'b = '])(
    'is not changed: the buildkitd.toml %j',
    (text) => {
      const file = fileOf('buildkit', 'buildkitd.toml');

      expect(isTaken(file, text)).toBe(true);
      expect(byHand('buildkit', 'buildkitd.toml', text)).toContain('put in what "entrepot setup"');
      expect(byHand('buildkit', 'buildkitd.toml', `${text}${textOf(file)}`)).toBeUndefined();
    },
  );

  it('is not changed: the registries.yaml of k3s and RKE2', () => {
    for (const client of ['k3s', 'rke2'] as const) {
      expect(isTaken(fileOf(client, 'registries.yaml'), 'mirrors:\n')).toBe(true);
      expect(byHand(client, 'registries.yaml', 'mirrors:\n')).toContain('put in what');
    }
  });
});

describe('entries that earlier versions added to a YAML file', () => {
  it('go, and leave comments, order and quotes as they were', () => {
    const text = `# our registries
mirrors:
  docker.io:
    # the old one
    endpoint:
    - ${mirror}
    - "https://old" # slow
  quay.io:
configs:
  mirror.lan:5000:
    tls:
      ca_file: /ca.crt
`;

    expect(removeYamlEntries(text, yamlEntries).text).toBe(`# our registries
mirrors:
  docker.io:
    # the old one
    endpoint:
      - "https://old" # slow
  quay.io:
`);
  });

  it('leave nothing where there was nothing but comments', () => {
    const ours = `mirrors:\n  docker.io:\n    endpoint:\n      - ${mirror}\nconfigs:\n  mirror.lan:5000:\n    tls:\n      ca_file: /ca.crt\n`;

    expect(removeYamlEntries(ours, yamlEntries).empty).toBe(true);
    expect(removeYamlEntries(`# mine\n\n${ours}`, yamlEntries)).toMatchObject({
      text: expect.stringMatching(/^# mine\n/u) as string,
      empty: false,
    });
  });

  it('go with the sections that were made for them, and no others', () => {
    const text = `mirrors:\n  docker.io:\n    endpoint: [${mirror}, "https://old"]\nconfigs: { mirror.lan:5000: { tls: { ca_file: /ca.crt } } }\n# mine\nother: true\n`;
    const depths = [3, 1];
    const entries = yamlEntries.map((entry, index) => ({ ...entry, depth: depths[index] ?? 0 }));

    const rest = removeYamlEntries(text, entries);

    expect(parseYaml(rest.text)).toEqual({
      mirrors: { 'docker.io': { endpoint: ['https://old'] } },
      configs: {},
      other: true,
    });
    expect(rest.text).toContain('# mine');
  });

  it('go and leave the same besides, by the rules of YAML 1.1, which k3s goes by', () => {
    const text = `mirrors:\n  quay.io: &quay\n    endpoint: [https://quay.io]\n  other.io:\n    <<: *quay\n  docker.io:\n    endpoint: [${mirror}]\n`;

    expect(
      parseYaml(removeYamlEntries(text, yamlEntries).text, { version: '1.1', merge: true }),
    ).toMatchObject({
      mirrors: { 'quay.io': {}, 'other.io': { endpoint: ['https://quay.io'] } },
    });
  });

  it.each(['mirrors: [', 'a: 1\na: 2', '--- {}\n--- {}\n'])('are not looked for in %j', (text) => {
    expect(() => removeYamlEntries(text, yamlEntries)).toThrow(new FileConflict('is not valid YAML'));
  });

  it.each([
    '',
    '# nothing\n',
    '- a',
    'mirrors: text',
    'mirrors:   { docker.io: {endpoint: https://other}}',
    'mirrors: {docker.io: {endpoint: ["https://other",   1]}}',
    'configs: {"mirror.lan:5000":   {tls: }}',
    'a: &a {endpoint:   []}\nmirrors: {docker.io: *a}',
  ])('that are gone are passed over: %j', (text) => {
    expect(removeYamlEntries(text, yamlEntries).text).toBe(text);
  });
});

describe('a marked block', () => {
  const lines = '[ours]\n  key = 1\n';

  it.each(['', '# a comment', '\n\n', '# a comment\n\n\n', '# a comment\n'])(
    'stands behind %j, and goes without a trace but the last line break',
    (before) => {
      const text = addBlock(before, lines);

      expect(parseToml(text)).toEqual({ ours: { key: 1 } });
      expect(removeBlock(text).text.trimEnd()).toBe(before.trimEnd());
    },
  );

  it('is replaced, not repeated, by the next one', () => {
    const text = addBlock('# theirs\n', lines);

    expect(addBlock(text, lines)).toBe(text);
  });

  it('goes without what others wrote around it', () => {
    const text = `theirs = 1\n\n${addBlock('', lines)}[later]\n`;

    expect(parseToml(removeBlock(text).text)).toEqual({ theirs: 1, later: {} });
  });

  it('is not guessed at when one of its marks is gone', () => {
    const text = addBlock('', lines);

    expect(() => removeBlock(text.replace(/^.*\n/u, ''))).toThrow(FileConflict);
    expect(() => addBlock(text.replace(/# <<<.*\n$/u, ''), lines)).toThrow(FileConflict);
  });

  it.each(['b = 1\n', 'b = ', '\uFEFF# mine\n'])('does not go into a file of others: %j', (theirs) => {
    expect(() => addTo({ path: 'a.toml', kind: 'block', text: lines }, theirs)).toThrow(
      /is there already, and was not written by entrepot setup/u,
    );
  });

  it('goes into a file that has nothing but comments', () => {
    const file = { path: 'a.toml', kind: 'block', text: lines } as const;

    expect(parseToml(addTo(file, '# theirs\n').text)).toEqual({ ours: { key: 1 } });
  });
});

describe("containerd's config.toml", () => {
  it.each([
    ['version = 2\n', 'io.containerd.grpc.v1.cri'],
    ['version = 3\n[grpc]\n  address = "/run/c.sock"\n', 'io.containerd.cri.v1.images'],
  ])('gets its config_path by hand, and %j is told where', (before, plugin) => {
    expect(configToml(before)).toBe(
      `set config_path = "/etc/containerd/certs.d" below [plugins."${plugin}".registry]`,
    );
    expect(
      configToml(`${before}[plugins."${plugin}".registry]\n  config_path = "/etc/containerd/certs.d"\n`),
    ).toBeUndefined();
  });

  it.each(['', '# nothing\n'])('is written where there are no settings: %j', (before) => {
    expect(parseToml(addTo(fileOf('containerd', 'config.toml'), before).text)).toEqual({
      version: 2,
      plugins: { 'io.containerd.grpc.v1.cri': { registry: { config_path: '/etc/containerd/certs.d' } } },
    });
  });

  it.each([
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n',
    "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'\n",
    'version = 4\n',
    "version = 4\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = ''\n",
    'disabled_plugins = ["cri"]\n',
  ])('needs nothing when that says it already, or nobody asks: %j', (before) => {
    expect(configToml(before)).toBeUndefined();
  });

  it.each([
    [
      'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = ""\n',
      /set config_path = /u,
    ],
    [
      'version = 4\n[plugins."io.containerd.cri.v1.images".registry.mirrors."docker.io"]\n  endpoint = []\n',
      /set config_path = /u,
    ],
    ['root = "/var"\n', /bring it to version 2 or newer/u],
    ['version = 5\n', /its version, 5, is too new/u],
  ])('is left to its owner when it has to be changed: %j', (before, advice) => {
    expect(configToml(before)).toMatch(advice);
  });

  it('stops everything when it is broken', () => {
    expect(() => configToml('version = 2\n[')).toThrow(new FileConflict('is not valid TOML'));
  });
});
