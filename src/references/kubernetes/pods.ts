import type { Dialect } from './image-walk.ts';

/** The lists of a pod's containers. */
export const podLists = ['containers', 'initContainers', 'ephemeralContainers'] as const;

/** Resources whose images stand in pod templates, and have no parameters. */
export const pods: Dialect<undefined> = {
  lists: new Set(podLists),
  containers: new Set(),
  scope: undefined,
  enter: () => undefined,
  fill: (text) => [{ text }],
};

/** KubeVirt's virtual machines, and the disks that its importer fetches. */
export const virtualMachines: Dialect<undefined> = {
  ...pods,
  // The latter is what holds a kernel to boot.
  containers: new Set(['containerDisk', 'container']),
  others(mapping) {
    const node = mapping.at('registry', 'url');
    const [, text] = /^docker:\/\/(.+)$/su.exec(node?.text ?? '') ?? [];
    return node === undefined || text === undefined ? [] : [{ node, text }];
  },
};
