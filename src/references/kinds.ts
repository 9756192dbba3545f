import { isBakeName, isFirstBakeFile, looksLikeBake } from './bake/bake-content.ts';
import { isComposeName, isReadByDefault, looksLikeCompose } from './compose/project-files.ts';
import { isDockerfileName, looksLikeDockerfile } from './dockerfile/dockerfile-content.ts';
import type { FileKind } from './file-kind.ts';
import { looksLikeImageList } from './list-content.ts';
import { looksLikeModelfile } from './modelfile/modelfile-content.ts';
import type { FileParser } from './parse-context.ts';
import { hasTopKey } from './yaml/yaml-keys.ts';

/** How files of a kind are told from others, and what reads them. */
export interface KindOfFile {
  readonly kind: FileKind;
  /** Whether a file is one by its absolute path, with `/` between folders. */
  readonly isNamed: (path: string) => boolean;
  /**
   * Whether a file whose name says nothing is one; cheap, and of any text. Undefined: only the name tells.
   */
  readonly hasContent?: (text: string) => boolean;
  /**
   * Whether a folder's file with such a name is taken, beside the files `siblings`; if undefined, every one
   * of the kind is.
   */
  readonly isTaken?: (name: string, siblings: readonly string[]) => boolean;
  /** Whether several files that are named make one, later ones laid over earlier ones. */
  readonly isLayered?: true;
  /** Loads the parser: none but those that are needed. */
  readonly load: () => Promise<FileParser>;
}

/**
 * All kinds. The first whose name fits a file has it, else the first whose content fits. In a folder they are
 * read in this order, and what one file reads (a Compose file a Dockerfile, say) is not read again on its
 * own.
 */
export const kindsOfFile: readonly KindOfFile[] = [
  {
    kind: 'github',
    isNamed: (path) => /\/\.github\/workflows\/[^/]+\.ya?ml$|\/action\.ya?ml$/u.test(path),
    hasContent: (text) =>
      (hasTopKey(text, 'jobs') && hasTopKey(text, 'on')) ||
      (hasTopKey(text, 'runs') && /^[ \t]+using:/mu.test(text)),
    load: async () => (await import('./github/workflow.ts')).findInWorkflow,
  },
  {
    kind: 'gitlab',
    isNamed: (path) => /\.gitlab-ci\.ya?ml$/u.test(path),
    hasContent: (text) =>
      !hasTopKey(text, 'on') &&
      !hasTopKey(text, 'apiVersion') &&
      // Compose has a mapping there.
      !/^services:[ \t]*\r?\n[ \t]+[\w.-]+:/mu.test(text) &&
      /^[ \t]+(?:before_)?script:/mu.test(text) &&
      /^[ \t]*(?:image|services|extends):/mu.test(text),
    load: async () => (await import('./gitlab/pipeline.ts')).findInPipeline,
  },
  {
    kind: 'quadlet',
    isNamed: (path) => /\.(?:artifact|build|container|image|kube|volume)$/u.test(path),
    hasContent: (text) => /^\[(?:Artifact|Build|Container|Image|Kube|Volume)\][ \t\r]*$/mu.test(text),
    // Others have files of such names, too.
    isTaken: (name, siblings) => [name, ...siblings].some((one) => /\.(?:container|kube|pod)$/u.test(one)),
    load: async () => (await import('./quadlet/quadlet.ts')).findInQuadlet,
  },
  {
    kind: 'compose',
    isNamed: isComposeName,
    hasContent: looksLikeCompose,
    isTaken: isReadByDefault,
    isLayered: true,
    load: async () => (await import('./compose/find-in-compose.ts')).findInCompose,
  },
  {
    kind: 'devcontainer',
    isNamed: (path) => /\/\.?devcontainer\.json$/u.test(path),
    load: async () => (await import('./devcontainer/find-in-devcontainer.ts')).findInDevContainer,
  },
  {
    kind: 'bake',
    isNamed: isBakeName,
    hasContent: looksLikeBake,
    isTaken: isFirstBakeFile,
    isLayered: true,
    load: async () => (await import('./bake/find-in-bake.ts')).findInBake,
  },
  {
    kind: 'modelfile',
    isNamed: (path) => /(?:^|[/.])modelfile(?:\.[^/]*)?$/iu.test(path),
    hasContent: looksLikeModelfile,
    load: async () => (await import('./modelfile/find-in-modelfile.ts')).findInModelfile,
  },
  {
    kind: 'dockerfile',
    isNamed: isDockerfileName,
    hasContent: looksLikeDockerfile,
    load: async () => (await import('./dockerfile/dockerfile-kind.ts')).findInDockerfiles,
  },
  {
    kind: 'list',
    isNamed: (path) => path.endsWith('.txt') || path.endsWith('/images.list'),
    hasContent: looksLikeImageList,
    // A folder has many texts.
    isTaken: (name) => /^(?:images|.*[.-]images)\.(?:txt|list)$/u.test(name),
    load: async () => (await import('./image-list.ts')).findInList,
  },
  {
    kind: 'kustomize',
    isNamed: (path) => /\/(?:kustomization\.ya?ml|Kustomization)$/u.test(path),
    hasContent: (text) => /^apiVersion:[ \t]*["']?kustomize\.config\.k8s\.io\//mu.test(text),
    load: async () => (await import('./kustomize/find-in-kustomization.ts')).findInKustomization,
  },
  {
    kind: 'kubernetes',
    isNamed: () => false,
    hasContent: (text) => hasTopKey(text, 'apiVersion') && hasTopKey(text, 'kind'),
    load: async () => (await import('./kubernetes/manifests.ts')).findInManifests,
  },
];
