import type { Command } from 'commander';
import { commandContext } from '../command-context.ts';
import { addConfigOption } from '../config-option.ts';
import type { ExitCode } from '../exit-code.ts';
import type { Terminal } from '../terminal.ts';
import type { ImportOptions } from './import.ts';
import type { RegistryImportOptions } from './import-registry.ts';

/** Adds the command that puts content from elsewhere into the cache. */
export function addImport(
  program: Command,
  { terminal, done }: { readonly terminal: Terminal; readonly done: (code: ExitCode) => void },
): void {
  addConfigOption(program.command('import'))
    .description('put images from files, a node or another registry into the cache')
    .argument(
      '<source...>',
      'files, parts and folders of images; - for standard input; containerd:FOLDER; or registry:FOLDER',
    )
    .option('--as <name>', 'the name of an image that has none, or another one than it has')
    .option(
      '--platform <list>',
      'only these of a multi-platform image, such as linux/amd64,linux/arm64',
      'all',
    )
    .option('--pin', 'keep them whatever happens, as entrepot pin does')
    .option(
      '--upstream <name>',
      'for registry: the registry that it mirrored (default: the one that plain names mean)',
    )
    .option('--json', 'print JSON, a line for each image')
    .addHelpText(
      'after',
      `
Reads what entrepot export, docker save, podman save, ctr images export, nerdctl save, skopeo, crane, regctl and oras
write: image layouts and Docker archives, as .tar, .tar.gz, .tar.zst or folders, and bundles in parts as they are. Every
blob is verified. What has arrived of an interrupted import stays: give the same command again.

containerd:FOLDER is the root of a node's containerd, such as /var/lib/containerd: its images of all namespaces, as far as
it has them whole and their registries are mirrored here.

registry:FOLDER is the rootdirectory of a registry:2, which may be running. On the same disk nothing is copied, and its
files stay as they are.

Exit code 1: something could not be imported.

Examples:
  entrepot import class.tar.001 --pin
  entrepot import stick/
  docker save my/app:1 | entrepot import -
  entrepot import app.tar --as ghcr.io/owner/app:1
  entrepot import containerd:/var/lib/containerd
  entrepot import registry:/var/lib/registry --upstream docker.io`,
    )
    .action(async (sources: readonly string[], options: ImportOptions & RegistryImportOptions) => {
      const { importContent } = await import('./import-content.ts');
      done(await importContent(sources, options, process.stdin, commandContext(terminal)));
    });
}
