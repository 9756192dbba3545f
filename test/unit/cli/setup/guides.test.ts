import { parse as parseToml } from 'smol-toml';
import { describe, expect, it, test } from 'vitest';
import { parseAllDocuments } from 'yaml';
import { clientNames, type ClientName } from '../../../../src/cli/setup/client-names.ts';
import { guides } from '../../../../src/cli/setup/clients/guides.ts';
import { addTo, textOf } from '../../../../src/cli/setup/files/local-file.ts';
import type { Guide } from '../../../../src/cli/setup/guide.ts';
import { Origin, type MirrorAddress } from '../../../../src/cli/setup/mirror-address.ts';
import { printGuide } from '../../../../src/cli/setup/print-guide.ts';
import { aMirror, authority } from './a-mirror.ts';

const plain = aMirror();
const secure = aMirror('https://mirror.example', { ca: authority });

const guideTo = (client: ClientName, mirror: MirrorAddress = plain): Guide => guides[client].guide(mirror);

/** The text of a file, by the end of its path. */
function fileOf(guide: Guide, path: string): string {
  const { files = [] } = guide;
  const file = files.find((candidate) => candidate.path.endsWith(path));
  if (file === undefined) throw new Error(`no ${path} among ${files.map((f) => f.path).join(', ')}`);
  return textOf(file);
}

function yaml(text: string): readonly unknown[] {
  return parseAllDocuments(text).map((document) => {
    expect(document.errors).toEqual([]);
    return document.toJS() as unknown;
  });
}

const mirrors: readonly [string, MirrorAddress][] = [
  ['plain HTTP', plain],
  ['TLS and an authority', secure],
  ['a login and client certificates', { ...secure, login: 'required', clientCertificates: true }],
  ['one upstream that is not Docker Hub', { ...plain, upstreams: plain.upstreams.slice(1) }],
];

describe.each(clientNames)('the guide to %s', (client) => {
  test.each(mirrors)('is whole with %s', (_, mirror) => {
    const guide = guideTo(client, mirror);
    const printed = printGuide(guide);

    expect(printed).toContain(mirror.origin.authority);
    expect(printed).not.toMatch(/undefined|\[object|NaN/u);
    for (const file of guide.files ?? []) {
      const { path } = file;
      const written = addTo(file, undefined).text;
      expect(printed).toContain(`# ${path}\n${textOf(file)}`);
      expect(written).toContain(textOf(file));
      if (/\.(?:toml|conf)$/u.test(path)) expect(parseToml(written)).not.toEqual({});
      if (path.endsWith('.yaml')) expect(yaml(written)).toHaveLength(1);
      if (path.endsWith('.json')) expect(JSON.parse(written)).not.toEqual({});
    }
    expect(guide.files !== undefined).toBe(guides[client].record !== undefined);
  });
});

describe('what the clients get', () => {
  it("gives dockerd Docker Hub's mirror, and calls it insecure only when it is plain HTTP", () => {
    expect(JSON.parse(fileOf(guideTo('docker'), 'daemon.json'))).toEqual({
      'registry-mirrors': ['http://mirror.lan:5000'],
      'insecure-registries': ['mirror.lan:5000'],
    });
    const guide = guideTo('docker', secure);
    expect(JSON.parse(fileOf(guide, 'daemon.json'))).toEqual({
      'registry-mirrors': ['https://mirror.example'],
    });
    expect(fileOf(guide, '/etc/docker/certs.d/mirror.example/ca.crt')).toBe(authority);
  });

  it('sends dockerd to the address that Docker Hub has for itself when plain names mean another registry', () => {
    const [hub, ...others] = aMirror('http://mirror.lan:5001').upstreams;
    if (hub === undefined) throw new Error('no Docker Hub');
    const guide = guideTo('docker', { ...plain, upstreams: [hub, ...others] });

    expect(JSON.parse(fileOf(guide, 'daemon.json'))).toEqual({
      'registry-mirrors': ['http://mirror.lan:5001'],
      'insecure-registries': ['mirror.lan:5000', 'mirror.lan:5001'],
    });
  });

  it('says what to do when dockerd cannot be told where Docker Hub is', () => {
    const upstreams = plain.upstreams.map((upstream) => ({ ...upstream, own: undefined }));
    const guide = guideTo('docker', { ...plain, upstreams });

    expect(fileOf(guide, 'daemon.json')).not.toContain('registry-mirrors');
    expect(printGuide(guide)).toMatch(/Give docker\.io a listen address/u);
  });

  it('gives containerd a hosts.toml for each registry, which goes on to the registry itself', () => {
    const guide = guideTo('containerd', secure);

    expect(parseToml(fileOf(guide, 'certs.d/ghcr.io/hosts.toml'))).toEqual({
      server: 'https://ghcr.io',
      host: {
        'https://mirror.example': {
          capabilities: ['pull', 'resolve'],
          ca: '/etc/containerd/entrepot-ca.crt',
        },
      },
    });
    expect(fileOf(guide, '/etc/containerd/entrepot-ca.crt')).toBe(authority);
    expect(fileOf(guide, 'certs.d/docker.io/hosts.toml')).toContain(
      'server = "https://registry-1.docker.io"',
    );
  });

  it('gives BuildKit mirrors by host, and how to speak to it', () => {
    expect(parseToml(fileOf(guideTo('buildkit'), 'buildkitd.toml'))).toEqual({
      registry: {
        'docker.io': { mirrors: ['mirror.lan:5000'] },
        'ghcr.io': { mirrors: ['mirror.lan:5000'] },
        'mirror.lan:5000': { http: true },
      },
    });
    expect(parseToml(fileOf(guideTo('buildkit', secure), 'buildkitd.toml'))).toMatchObject({
      registry: { 'mirror.example': { http: false, ca: ['/etc/buildkit/entrepot-ca.crt'] } },
    });
  });

  it('gives podman, which does not say which registry it means, a path for each', () => {
    expect(parseToml(fileOf(guideTo('podman'), '50-entrepot.conf'))).toEqual({
      registry: ['docker.io', 'ghcr.io'].map((location) => ({
        location,
        mirror: [{ location: `mirror.lan:5000/${location}`, insecure: true }],
      })),
    });
    expect(fileOf(guideTo('podman', secure), '50-entrepot.conf')).not.toContain('insecure');
    expect(fileOf(guideTo('podman', secure), 'certs.d/mirror.example/ca.crt')).toBe(authority);
  });

  it('gives k3s and RKE2 endpoints, and the authority by path', () => {
    for (const client of ['k3s', 'rke2'] as const) {
      expect(yaml(fileOf(guideTo(client, secure), `/etc/rancher/${client}/registries.yaml`))).toEqual([
        {
          mirrors: {
            'docker.io': { endpoint: ['https://mirror.example'] },
            'ghcr.io': { endpoint: ['https://mirror.example'] },
          },
          configs: { 'mirror.example': { tls: { ca_file: `/etc/rancher/${client}/entrepot-ca.crt` } } },
        },
      ]);
    }
  });

  it('gives podman and kaniko no path with a second colon, which would keep them from pulling at all', () => {
    const registry = { name: 'registry.lan:5000', server: 'https://registry.lan:5000' };
    const lost = { ...plain, upstreams: [...plain.upstreams, { ...registry, own: undefined }] };
    const found = { ...plain, upstreams: [{ ...registry, own: plain.origin.with({ port: '5001' }) }] };

    expect(fileOf(guideTo('podman', lost), '50-entrepot.conf')).toBe(
      fileOf(guideTo('podman'), '50-entrepot.conf'),
    );
    expect(guideTo('kaniko', lost).snippets).toEqual(guideTo('kaniko').snippets);
    for (const client of ['podman', 'kaniko'] as const) {
      expect(printGuide(guideTo(client, lost))).toContain('Left out: registry.lan:5000.');
    }
    expect(parseToml(fileOf(guideTo('podman', found), '50-entrepot.conf'))).toEqual({
      registry: [{ location: registry.name, mirror: [{ location: 'mirror.lan:5001', insecure: true }] }],
    });
    expect(guideTo('kaniko', found).snippets?.[0]?.text).toBe(
      '--registry-map=registry.lan:5000=mirror.lan:5001\n--insecure-registry=mirror.lan:5001\n',
    );
    expect(printGuide(guideTo('docker', lost))).not.toContain('pull mirror.lan:5000/registry.lan:5000');
  });

  it('gives podman the authority for each address of the mirror', () => {
    const [hub] = plain.upstreams;
    const upstreams = [
      ...(hub === undefined ? [] : [hub]),
      {
        name: 'registry.lan:5000',
        server: 'https://registry.lan:5000',
        own: secure.origin.with({ port: '5001' }),
      },
    ];

    const files = guideTo('podman', { ...secure, upstreams }).files?.map(({ path }) => path);

    expect(files).toEqual([
      '/etc/containers/registries.conf.d/50-entrepot.conf',
      '/etc/containers/certs.d/mirror.example/ca.crt',
      '/etc/containers/certs.d/mirror.example:5001/ca.crt',
    ]);
  });

  it('gives kaniko flags, with the path where the registry must be named', () => {
    expect(guideTo('kaniko').snippets?.[0]?.text).toBe(
      '--registry-mirror=mirror.lan:5000\n--registry-map=ghcr.io=mirror.lan:5000/ghcr.io\n--insecure-registry=mirror.lan:5000\n',
    );
    const upstreams = plain.upstreams.map((upstream) => ({ ...upstream, own: undefined }));
    expect(guideTo('kaniko', { ...secure, upstreams }).snippets?.[0]?.text).toBe(
      '--registry-map=index.docker.io=mirror.example/docker.io\n--registry-map=ghcr.io=mirror.example/ghcr.io\n--registry-certificate=mirror.example=/kaniko/ssl/certs/entrepot-ca.crt\n',
    );
  });

  it('gives GitHub Actions steps that hold for daemon and builder', () => {
    const [steps] = yaml(guideTo('github-actions', secure).snippets?.[0]?.text ?? '');

    expect(steps).toMatchObject([
      { run: expect.stringContaining(authority) as string },
      { run: expect.stringContaining('{"registry-mirrors":["https://mirror.example"]}') as string },
      { uses: 'docker/setup-buildx-action@v3' },
    ]);
    const builder =
      (steps as { with?: Record<string, string> }[])[2]?.with?.['buildkitd-config-inline'] ?? '';
    expect(parseToml(builder)).toMatchObject({
      registry: { 'mirror.example': { ca: ['/etc/docker/certs.d/mirror.example/ca.crt'] } },
    });
  });

  it('gives GitLab CI a service that knows the mirror, and a runner the same', () => {
    const [pipeline, runner] = guideTo('gitlab-ci').snippets ?? [];
    const command = ['--registry-mirror', 'http://mirror.lan:5000', '--insecure-registry', 'mirror.lan:5000'];

    expect(yaml(pipeline?.text ?? '')).toMatchObject([{ build: { services: [{ command }] } }]);
    expect(parseToml(`[runners.docker]\n${runner?.text ?? ''}`)).toMatchObject({
      runners: { docker: { services: [{ command }] } },
    });
  });

  it('gives kind a cluster whose nodes see the hosts.toml files', () => {
    const guide = guideTo('kind', secure);

    expect(yaml(fileOf(guide, 'kind-entrepot.yaml'))).toMatchObject([
      {
        nodes: [
          { extraMounts: [{ hostPath: './entrepot-certs.d', containerPath: '/etc/containerd/certs.d' }] },
        ],
      },
    ]);
    expect(fileOf(guide, 'entrepot-certs.d/ghcr.io/hosts.toml')).toContain(
      'ca = "/etc/containerd/certs.d/entrepot-ca.crt"',
    );
    expect(fileOf(guide, 'entrepot-certs.d/entrepot-ca.crt')).toBe(authority);
  });

  it('gives Kubernetes manifests with a hosts.toml for each registry, ports in a form that keys may have', () => {
    const upstreams = [
      ...plain.upstreams,
      { name: 'registry.lan:5000', server: 'https://registry.lan:5000', own: undefined },
    ];
    const [cluster, nodes] = guideTo('kubernetes', { ...secure, upstreams }).snippets ?? [];

    expect(yaml(cluster?.text ?? '')).toMatchObject(
      ['Namespace', 'ConfigMap', 'PersistentVolumeClaim', 'Deployment', 'Service'].map((kind) => ({ kind })),
    );
    // What Kubernetes would set for services called registry-… begins as variables of Entrepot's do.
    expect(yaml(cluster?.text ?? '')[3]).toHaveProperty('spec.template.spec.enableServiceLinks', false);
    expect(yaml(cluster?.text ?? '')[3]).toHaveProperty(
      'spec.template.spec.containers.0.securityContext.readOnlyRootFilesystem',
      true,
    );
    const [config, daemons] = yaml(nodes?.text ?? '') as { data?: Record<string, string> }[];
    expect(Object.keys(config?.data ?? {})).toEqual([
      'docker.io',
      'ghcr.io',
      'registry.lan_5000_',
      'entrepot-ca.crt',
    ]);
    expect(parseToml(config?.data?.['ghcr.io'] ?? '')).toHaveProperty('server', 'https://ghcr.io');
    expect(config?.data?.['entrepot-ca.crt']).toBe(authority);
    expect(daemons).toMatchObject({ kind: 'DaemonSet' });
  });

  it.each(['docker', 'github-actions', 'gitlab-ci'] as const)(
    'gives the dockerd of %s the address without logins as a mirror, and none where all have to log in',
    (client) => {
      const open = Origin.parse('http://mirror.lan:5001');
      const upstreams = plain.upstreams.map((one) => ({ ...one, publicOwn: open }));
      const both = printGuide(
        guideTo(client, { ...plain, login: 'optional', publicOrigin: open, upstreams }),
      );
      expect(both).toMatch(/registry-mirrors?"[^a-z]*http:\/\/mirror\.lan:5001"/u);
      // Docker trusts each address, with its port, for itself.
      expect(both).toMatch(/insecure-registr[^]*mirror\.lan:5000[^]*mirror\.lan:5001/u);
      const safe = { ...secure, publicOrigin: Origin.parse('https://mirror.lan:5001') };
      expect(printGuide(guideTo(client, safe))).toContain('/etc/docker/certs.d/mirror.lan:5001/ca.crt');
      expect(both).toMatch(/docker\/login-action|docker login .*mirror\.lan:5000/u);
      const closed = printGuide(guideTo(client, { ...plain, login: 'required' }));
      expect(closed).not.toMatch(/registry-mirrors?"/u);
    },
  );

  it.each(['containerd', 'buildkit', 'podman', 'k3s', 'rke2', 'kind', 'kubernetes'] as const)(
    'has the mirror tried by %s with an image of a registry that it mirrors',
    (client) => {
      const commands = (mirror: MirrorAddress): string => guideTo(client, mirror).commands?.join('\n') ?? '';

      expect(commands(plain)).toContain('docker.io/library/alpine:3');
      const elsewhere = commands({ ...plain, upstreams: plain.upstreams.slice(1) });
      expect(elsewhere).toContain('ghcr.io/OWNER/IMAGE:TAG');
      expect(elsewhere).not.toContain('alpine');
    },
  );

  it('tells users of docker about Docker Hub only where it is mirrored, and names no image with two colons', () => {
    const own = Origin.parse('http://mirror.lan:5000');
    const upstreams = [{ name: 'registry.lan:5000', server: 'https://registry.lan:5000', own }];
    const notes = guideTo('docker', { ...plain, login: 'required', upstreams }).notes.join('\n');

    expect(notes).toContain(
      "docker login mirror.lan:5000 is for images pulled by the mirror's own name, such as mirror.lan:5000/OWNER/IMAGE.",
    );
    expect(notes).not.toContain('registry-mirrors are left out');
  });

  it('tells GitLab CI which images come by the mirror’s own name: where all have to log in, Docker Hub’s too', () => {
    const notes = (mirror: MirrorAddress): string => String(guideTo('gitlab-ci', mirror).notes.at(-1));

    expect(notes(plain)).toBe(
      "The mirror is asked for images of Docker Hub alone; others are pulled by the mirror's own name, such as mirror.lan:5000/ghcr.io/OWNER/IMAGE.",
    );
    expect(notes({ ...plain, upstreams: plain.upstreams.slice(0, 1) })).toBe(
      'The mirror is asked for images of Docker Hub alone.',
    );
    expect(notes({ ...plain, login: 'required' })).toBe(
      "Images are pulled by the mirror's own name, such as mirror.lan:5000/docker.io/OWNER/IMAGE.",
    );
  });

  it.each([
    'docker',
    'containerd',
    'buildkit',
    'podman',
    'k3s',
    'kaniko',
    'github-actions',
    'gitlab-ci',
  ] as const)('tells users of %s how to log in only if there is a login', (client) => {
    const words = /log in|login/u;
    expect(printGuide(guideTo(client, { ...plain, login: 'optional' }))).toMatch(words);
    expect(printGuide(guideTo(client, plain))).not.toMatch(words);
  });
});
