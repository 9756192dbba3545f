import { execFileSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** The module that asks for the newest Go. */
const module = new URL('../oci-conformance/current/', import.meta.url);

/** The minor version in the `go` line of its go.mod. */
const needed = 25;

/**
 * What is wrong with the Go in PATH; undefined when nothing is. From 1.21 on it fetches a newer one by
 * itself, if it may.
 */
export function goProblem(go = 'go'): string | undefined {
  const said = versionText(go);
  const [, minor] = /\bgo1\.(\d+)/u.exec(said) ?? [];
  return minor !== undefined && Number(minor) >= needed
    ? undefined
    : `Go 1.${needed} or newer is needed, which Debian 12 does not have: https://go.dev/dl; here it says: ${said}`;
}

function versionText(go: string): string {
  try {
    const options = { cwd: fileURLToPath(module), encoding: 'utf8', stdio: 'pipe' } as const;
    return execFileSync(go, ['version'], options).trim();
  } catch (error) {
    const { stderr } = error as { stderr?: unknown };
    return typeof stderr === 'string' && stderr !== '' ? stderr.trim() : 'go cannot be run';
  }
}
