import { describe, expect, it } from 'vitest';
import { kindsOfFile } from '../../../src/references/kinds.ts';

const byName = (path: string): string | undefined => kindsOfFile.find((one) => one.isNamed(path))?.kind;
const byContent = (text: string): string | undefined =>
  kindsOfFile.find((one) => one.hasContent?.(text) === true)?.kind;

describe('a file is known by its name', () => {
  it.each([
    ['/p/.github/workflows/ci.yml', 'github'],
    ['/p/.github/workflows/ci.yaml', 'github'],
    ['/p/.github/dependabot.yml', undefined],
    ['/p/act/action.yml', 'github'],
    ['/p/.gitlab-ci.yml', 'gitlab'],
    ['/p/ci/build.gitlab-ci.yml', 'gitlab'],
    ['/p/kustomization.yaml', 'kustomize'],
    ['/p/kustomization.yml', 'kustomize'],
    ['/p/Kustomization', 'kustomize'],
    ['/p/my-kustomization.yaml', undefined],
    ['/p/web.container', 'quadlet'],
    ['/p/web@1.container', 'quadlet'],
    ['/p/a.image', 'quadlet'],
    ['/p/a.volume', 'quadlet'],
    ['/p/a.build', 'quadlet'],
    ['/p/a.kube', 'quadlet'],
    ['/p/deployment.yaml', undefined],
    ['/p/values.yaml', undefined],
  ])('%s: %s', (path, kind) => {
    expect(byName(path)).toBe(kind);
  });
});

describe('a file is known by its content', () => {
  it.each([
    ['a manifest', 'apiVersion: v1\nkind: Pod\n', 'kubernetes'],
    ['a manifest after comments', '# x\n---\n"kind": Pod\n"apiVersion": v1\n', 'kubernetes'],
    ['a manifest in JSON', '{ "kind": "Pod",\n "apiVersion" : "v1"}', 'kubernetes'],
    ['a manifest in JSON, on one line', '{"apiVersion":"v1","kind":"Pod"}', 'kubernetes'],
    [
      'a workflow of Argo',
      'apiVersion: argoproj.io/v1alpha1\nkind: Workflow\nspec:\n  templates:\n  - script:\n      image: a\n',
      'kubernetes',
    ],
    [
      'a kustomization of Flux',
      'apiVersion: kustomize.toolkit.fluxcd.io/v1\nkind: Kustomization\n',
      'kubernetes',
    ],
    [
      'a manifest with a Compose file in it',
      'apiVersion: v1\nkind: ConfigMap\ndata:\n  a: |\n    services:\n      web:\n        image: a\n',
      'kubernetes',
    ],
    [
      'a manifest with a list in it',
      'apiVersion: v1\nkind: ConfigMap\ndata: {services: {a: {image: b}}}\n',
      'kubernetes',
    ],
    ['a kustomization', 'apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\n', 'kustomize'],
    [
      'a workflow of GitHub',
      'name: x\non: push\njobs:\n  a:\n    services:\n      db:\n        image: b\n',
      'github',
    ],
    ['a workflow of GitHub, its key in quotes', '"on": push\njobs: {}\n', 'github'],
    ['an action', 'name: x\nruns:\n  using: docker\n', 'github'],
    ['a pipeline', 'test:\n  image: a\n  script:\n    - make\n', 'gitlab'],
    ['a pipeline with services for all', 'services:\n  - postgres:17\ntest:\n  script: [make]\n', 'gitlab'],
    ['a Compose file', 'services:\n  web:\n    image: a\n', 'compose'],
    [
      'a Compose file with a script',
      'services:\n  web:\n    image: a\nconfigs:\n  a:\n    script: b\n',
      'compose',
    ],
    ['a unit', '[Unit]\nX=y\n[Container]\nImage=a\n', 'quadlet'],
    ['a unit of systemd', '[Unit]\nX=y\n[Service]\nExecStart=/bin/x\n', undefined],
    ['values of a chart', 'image:\n  repository: nginx\n  tag: "1"\n', undefined],
    ['a chart', 'apiVersion: v2\nname: web\nicon: https://example.org/icon.png\n', undefined],
    ['a package', '{"name": "web", "version": "1.0.0", "jobs": []}', undefined],
    ['nothing', '', undefined],
  ])('%s: %#', (_what, text, kind) => {
    expect(byContent(text)).toBe(kind);
  });
});
