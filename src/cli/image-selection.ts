import { InvalidArgumentError, Option, type Command } from 'commander';
import { parsePlatforms, PlatformSyntaxError, type Platforms } from '../oci/platform.ts';
import { fileKinds, type FileKind } from '../references/file-kind.ts';

/** What every command takes that works on images which its user or files name. */
export interface ImageSelectionOptions {
  /** Files, folders, or `-`. */
  readonly file?: readonly string[];
  readonly kind?: FileKind;
  readonly env?: readonly Assignment[];
  readonly envFile?: readonly string[];
  readonly profile?: readonly string[];
  readonly target?: readonly string[];
  readonly buildArg?: readonly Assignment[];
  /** Undefined: this machine's. */
  readonly platform?: Platforms;
  readonly build: boolean;
  readonly exclude?: readonly string[];
  readonly strict?: boolean;
}

/** `NAME=VALUE`, or `NAME`, whose value is that of the environment. */
export interface Assignment {
  readonly name: string;
  readonly value: string | undefined;
}

/** How files and images are named, for the end of a command's help. */
export const selectionHelp = `
A file is known by its name, else by its content: a list of images, a Dockerfile, a Compose file, Kubernetes YAML and
others. Of a folder, and those below it, the files are read that name images; hidden folders are left out, but for
.github and .devcontainer, and so is node_modules. - is the standard input.

Images are named as for docker pull, and in patterns as for ls. What cannot be resolved is printed with what to give.`;

/** Adds `[image...]` and the options that say which images are meant. */
export function addImageSelection(command: Command): Command {
  return command
    .argument('[image...]', 'images, as for docker pull')
    .addOption(repeated('-f, --file <file>', 'the images that a file names, or those in a folder', text))
    .addOption(new Option('--kind <kind>', 'what the files are, whatever their names').choices(fileKinds))
    .addOption(repeated('--env <name=value>', 'a variable; NAME alone: as in the environment', assignment))
    .addOption(repeated('--env-file <file>', 'variables; for Compose in place of .env', text))
    .addOption(repeated('--profile <name>', 'with the services of this Compose profile', text))
    .addOption(repeated('--target <name>', 'only what this stage or bake target needs', text))
    .addOption(
      repeated(
        '--build-arg <name=value>',
        'an ARG of Dockerfiles; NAME alone: as in the environment',
        assignment,
      ),
    )
    .option(
      '--platform <list>',
      'such as linux/amd64,linux/arm64, or all (default: that of this machine)',
      platforms,
    )
    .option('--no-build', 'leave out what is only needed to build images')
    .addOption(repeated('--exclude <pattern>', 'leave out images like this', text))
    .option('--strict', 'fail if anything cannot be resolved');
}

/** An option that may be given several times. */
function repeated(flags: string, about: string, parse: (text: string) => unknown): Option {
  return new Option(flags, `${about}; may be repeated`).argParser(
    (value: string, previous: readonly unknown[] | undefined) => [...(previous ?? []), parse(value)],
  );
}

function text(value: string): string {
  if (value === '') throw new InvalidArgumentError('It is empty.');
  return value;
}

function assignment(value: string): Assignment {
  const [, name, , given] = /^([^=]+)(=(.*))?$/su.exec(value) ?? [];
  if (name === undefined) throw new InvalidArgumentError('Write NAME=VALUE, or NAME.');
  return { name, value: given };
}

function platforms(value: string): Platforms {
  try {
    return parsePlatforms(value);
  } catch (error) {
    if (error instanceof PlatformSyntaxError) throw new InvalidArgumentError(`${error.message}.`);
    throw error;
  }
}
