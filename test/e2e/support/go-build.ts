import { command } from './command.ts';

/** A cold build fetches and compiles all that the program is made of. */
const buildMs = 170_000;

/**
 * Builds a program of the Go module in `folder`, in the versions that its go.mod and go.sum pin, to the file
 * `output`.
 */
export async function buildGoProgram(folder: string, packagePath: string, output: string): Promise<void> {
  await command('go', ['build', '-o', output, packagePath], { cwd: folder, ms: buildMs });
}

/** Builds the tests of a package that the Go module in `folder` depends on. */
export async function buildGoTests(folder: string, packagePath: string, output: string): Promise<void> {
  await command('go', ['test', '-c', '-o', output, packagePath], { cwd: folder, ms: buildMs });
}
