import { parse as parseToml } from 'smol-toml';
import { describe, expect, it } from 'vitest';
import { parse as parseYaml } from 'yaml';
import { BlockEdit, takeBackBlock } from '../../../../src/cli/setup/files/block-edit.ts';
import { EditConflict } from '../../../../src/cli/setup/files/edit.ts';
import { JsonEdit, takeBackJson } from '../../../../src/cli/setup/files/json-edit.ts';
import { alone } from '../../../../src/cli/setup/files/toml.ts';
import { takeBackYaml, YamlEdit } from '../../../../src/cli/setup/files/yaml-edit.ts';
import { guides } from '../../../../src/cli/setup/clients/guides.ts';
import { aMirror } from './a-mirror.ts';

const mirror = 'http://mirror.lan:5000';
const daemon = new JsonEdit([
  { path: ['registry-mirrors'], values: [mirror] },
  { path: ['insecure-registries'], values: ['mirror.lan:5000'] },
]);
const registries = new YamlEdit([
  { path: ['mirrors', 'docker.io', 'endpoint'], values: [mirror] },
  { path: ['configs', 'mirror.lan:5000', 'tls', 'ca_file'], value: '/ca.crt' },
]);

describe('entries of a JSON file', () => {
  it('leave every other line as it was', () => {
    const text =
      '{\n\t"dns": ["1.1.1.1", "8.8.8.8"],\n\t"shm": 12345678901234567890,\n\t"registry-mirrors": []\n}\n';

    expect(daemon.apply(text).text).toBe(
      `{\n\t"dns": ["1.1.1.1", "8.8.8.8"],\n\t"shm": 12345678901234567890,\n\t"registry-mirrors": [\n\t\t"${mirror}"\n\t],\n\t"insecure-registries": [\n\t\t"mirror.lan:5000"\n\t]\n}\n`,
    );
  });

  it('come before those of others, and only once', () => {
    const text = `{"registry-mirrors": ["https://other", "${mirror}"], "insecure-registries": ["other:5000"]}`;

    expect(JSON.parse(daemon.apply(text).text)).toEqual({
      'registry-mirrors': ['https://other', mirror],
      'insecure-registries': ['mirror.lan:5000', 'other:5000'],
    });
  });

  it('change nothing when they are there', () => {
    const { text } = daemon.apply('{"debug":true}');

    expect(daemon.apply(text)).toEqual({ text, added: [] });
  });

  it('are taken back one by one from a file that others changed since, and those that were there before stay', () => {
    const before = `{"registry-mirrors": ["${mirror}"]}`;
    const { added } = daemon.apply(before);
    const since = `{"insecure-registries": ["theirs:5000", "mirror.lan:5000"], "registry-mirrors": ["${mirror}"], "debug": true}`;

    expect(JSON.parse(takeBackJson(since, added).text)).toEqual({
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
    expect(() => daemon.apply(text)).toThrow(new EditConflict(reason));
  });
});

describe('a byte order mark', () => {
  // dockerd takes it since 23.0, as what runs on Windows writes it: daemon/config/config.go, RFC 8259 section
  // 8.1.
  it.each([
    ['daemon.json', daemon, '\uFEFF{"debug": true}', takeBackJson],
    ['an empty daemon.json', daemon, '\uFEFF', takeBackJson],
    [
      'registries.yaml',
      registries,
      '\uFEFFmirrors:\n  quay.io:\n    endpoint: [https://quay.io]\n',
      takeBackYaml,
    ],
  ])('of %s stays, over the change and back', (_, edit, text, takeBack) => {
    const { text: after, added } = edit.apply(text);

    expect(after).toMatch(/^\uFEFF[^\uFEFF]*mirror\.lan:5000[^\uFEFF]*$/u);
    expect(edit.apply(after)).toEqual({ text: after, added: [] });
    const back = takeBack(after, added).text;
    expect(back).toMatch(/^\uFEFF[^\uFEFF]*$/u);
    expect(back).not.toContain('mirror.lan');
  });

  it('keeps a TOML file as it is: containerd 2 does not read it', () => {
    const edit = new BlockEdit(alone('a = 1\n'));

    expect(() => edit.apply('\uFEFF# mine\n')).toThrow('begins with a byte order mark');
  });
});

describe('what is written', () => {
  it.each([
    ['an inline table', 'plugins = { "io.containerd.grpc.v1.cri" = { sandbox_image = "pause" } }'],
    ['an inline table below', '[plugins]\n"io.containerd.grpc.v1.cri" = { sandbox_image = "pause" }'],
  ])('is not put in place where the client could not read it: TOML with %s', (_, toml) => {
    const file = guides.containerd.guide(aMirror()).files.find(({ path }) => path.endsWith('config.toml'));

    expect(() => file?.edit.apply(`version = 2\n${toml}\n`)).toThrow(
      new EditConflict('could not be read any more after the change: do it by hand'),
    );
    expect(file?.edit.apply('version = 2\n[plugins]\n').text).toContain('config_path');
  });

  it('keeps integers that Go has room for', () => {
    const file = guides.containerd.guide(aMirror()).files.find(({ path }) => path.endsWith('config.toml'));

    expect(file?.edit.apply('version = 3\noom_score = 9223372036854775807\n').text).toContain('config_path');
  });

  it('is not put in place where BuildKit could not read it', () => {
    const file = guides.buildkit.guide(aMirror()).files[0];

    expect(() => file?.edit.apply('registry = { "quay.io" = { mirrors = ["a"] } }\n')).toThrow(EditConflict);
  });

  it('says the same besides, by the rules of YAML 1.1, which k3s goes by', () => {
    const text =
      'mirrors:\n  quay.io: &quay\n    endpoint: [https://quay.io]\n  other.io:\n    <<: *quay\nconfigs:\n';

    expect(parseYaml(registries.apply(text).text, { version: '1.1', merge: true })).toMatchObject({
      mirrors: { 'other.io': { endpoint: ['https://quay.io'] }, 'docker.io': { endpoint: [mirror] } },
    });
  });
});

describe('entries of a YAML file', () => {
  it('leave comments, order and quotes as they were', () => {
    const text = `# our registries
mirrors:
  docker.io:
    # the old one
    endpoint:
    - "https://old"   # slow
  quay.io:
configs: {}
`;

    expect(registries.apply(text).text).toBe(`# our registries
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
`);
  });

  it('stand alone in a file that is empty or has comments only', () => {
    for (const text of ['', '# nothing yet\n', '---\n', 'mirrors:\n']) {
      expect(parseYaml(registries.apply(text).text)).toEqual({
        mirrors: { 'docker.io': { endpoint: [mirror] } },
        configs: { 'mirror.lan:5000': { tls: { ca_file: '/ca.crt' } } },
      });
    }
    expect(registries.apply('# nothing yet\n').text).toMatch(/^# nothing yet\n/u);
  });

  it('are taken back with the sections that were made for them, and no others', () => {
    const before = 'mirrors:\n  docker.io:\n    endpoint: ["https://old"]\n';
    const { text, added } = registries.apply(before);

    const rest = takeBackYaml(`${text}# mine\nother: true\n`, added);

    expect(parseYaml(rest.text)).toEqual({ ...(parseYaml(before) as object), other: true });
    expect(rest.text).toContain('# mine');
  });

  it.each([
    ['mirrors: [', 'is not valid YAML'],
    ['a: 1\na: 2', 'is not valid YAML'],
    ['--- {}\n--- {}\n', 'is not valid YAML'],
    ['- a', 'is not a YAML mapping'],
    ['mirrors: text', 'has a mirrors that is not a section'],
    [
      'mirrors: {docker.io: {endpoint: https://other}}',
      'has a mirrors.docker.io.endpoint that is not a list of strings',
    ],
    [
      'configs: {"mirror.lan:5000": {tls: {ca_file: /other}}}',
      'has another configs.mirror.lan:5000.tls.ca_file already',
    ],
    ['a: &a {endpoint: []}\nmirrors: {docker.io: *a}', 'has an alias at mirrors.docker.io'],
  ])('do not touch %j', (text, reason) => {
    expect(() => registries.apply(text)).toThrow(new EditConflict(reason));
  });
});

describe('a marked block', () => {
  const block = new BlockEdit(() => '[ours]\n  key = 1\n');

  it.each(['', 'theirs = 1\n', 'theirs = 1', '[theirs]\nkey = 2\n\n\n', '# a comment\n'])(
    'stands behind %j, and goes without a trace but the last line break',
    (before) => {
      const { text } = block.apply(before);

      expect(parseToml(text)).toEqual({ ...parseToml(before), ours: { key: 1 } });
      expect(takeBackBlock(text).text).toBe(before === 'theirs = 1' ? `${before}\n` : before);
    },
  );

  it('is replaced, not repeated, by the next one', () => {
    const { text } = block.apply('theirs = 1\n');

    expect(block.apply(text).text).toBe(text);
  });

  it('goes without what others wrote after it', () => {
    const { text } = block.apply('theirs = 1\n');

    expect(parseToml(takeBackBlock(`${text}[later]\n`).text)).toEqual({ theirs: 1, later: {} });
  });

  it('is not guessed at when one of its marks is gone', () => {
    const { text } = block.apply('');

    expect(() => takeBackBlock(text.replace(/^.*\n/u, ''))).toThrow(EditConflict);
    expect(() => block.apply(text.replace(/# <<<.*\n$/u, ''))).toThrow(EditConflict);
  });

  it('that has a file for itself does not go into one of others', () => {
    expect(() => new BlockEdit(alone('a = 1\n')).apply('b = 1\n')).toThrow(
      /is there already, and was not written by entrepot setup/u,
    );
    expect(() => new BlockEdit(alone('a = 1\n')).apply('b = ')).toThrow(/is not valid TOML/u);
    expect(parseToml(new BlockEdit(alone('a = 1\n')).apply('# theirs\n').text)).toEqual({ a: 1 });
  });
});

describe("containerd's config.toml", () => {
  const edit = guides.containerd.guide(aMirror()).files.at(-1)?.edit;
  const apply = (text: string): string => edit?.apply(text).text ?? '';

  it.each([
    ['version = 2\n', 'io.containerd.grpc.v1.cri'],
    ['version = 3\n[grpc]\n  address = "/run/c.sock"\n', 'io.containerd.cri.v1.images'],
  ])('gets its config_path where %j has it', (before, plugin) => {
    expect(parseToml(apply(before))).toEqual({
      ...parseToml(before),
      plugins: { [plugin]: { registry: { config_path: '/etc/containerd/certs.d' } } },
    });
  });

  it.each([
    'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = "/etc/containerd/certs.d"\n',
    "version = 3\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = '/etc/containerd/certs.d:/etc/docker/certs.d'\n",
    'version = 4\n',
    "version = 4\n[plugins.'io.containerd.cri.v1.images'.registry]\n  config_path = ''\n",
    'disabled_plugins = ["cri"]\n',
  ])('is left alone when that says it already, or nobody asks: %j', (before) => {
    expect(apply(before)).toBe(before);
  });

  it.each([
    [
      'version = 2\n[plugins."io.containerd.grpc.v1.cri".registry]\n  config_path = ""\n',
      /set config_path = .* by hand/u,
    ],
    [
      'version = 4\n[plugins."io.containerd.cri.v1.images".registry.mirrors."docker.io"]\n  endpoint = []\n',
      /set config_path = .* by hand/u,
    ],
    ['root = "/var"\n', /is of an old version/u],
    ['version = 5\n', /is of version 5, which is too new/u],
    ['version = 2\n[', /is not valid TOML/u],
  ])('is left alone when it cannot be changed safely: %j', (before, reason) => {
    expect(() => apply(before)).toThrow(reason);
  });
});

describe('buildkitd.toml', () => {
  const edit = guides.buildkit.guide(aMirror()).files[0]?.edit;

  it('keeps what it has', () => {
    const before = 'debug = true\n[registry."quay.io"]\n  mirrors = ["other"]\n';

    expect(parseToml(edit?.apply(before).text ?? '')).toMatchObject(parseToml(before));
  });

  it('is left alone when it has one of the registries already', () => {
    expect(() => edit?.apply('[registry."ghcr.io"]\n  mirrors = ["other"]\n')).toThrow(
      /has a \[registry\."ghcr\.io"\] already/u,
    );
  });
});
