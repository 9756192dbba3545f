import { accessSync, constants, readFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { goProblem } from './go-version.ts';

const packageList = new URL('../debian-packages.txt', import.meta.url);

/**
 * Vitest's global setup of the e2e project: the real clients are the point of these tests, so a machine that
 * lacks one or has too old a Go, fails at once and says what mends it, rather than skip.
 * @throws Error that names everything that is missing.
 */
export default function requireRealClients(): void {
  const missing = readFileSync(packageList, 'utf8')
    .split('\n')
    .filter((line) => line !== '' && !line.startsWith('#'))
    .map((line) => line.split(/\s+/u))
    .filter(([, ...programs]) => !programs.every(isInstalled))
    .map(([name]) => name);
  const problems: string[] = [];
  if (process.getuid?.() !== 0) {
    problems.push('they must run as root: dockerd, containerd and network namespaces need it');
  }
  if (missing.length > 0) {
    problems.push(
      `these Debian packages are missing: ${missing.join(', ')}\n` +
        `    apt-get update && apt-get install -y --no-install-recommends ${missing.join(' ')}`,
    );
  }
  const go = missing.includes('golang-go') ? undefined : goProblem();
  if (go !== undefined) problems.push(go);
  if (problems.length > 0) {
    throw new Error(
      `The e2e tests cannot run on this machine:\n${problems.map((p) => `  - ${p}`).join('\n')}`,
    );
  }
}

function isInstalled(program: string): boolean {
  return (process.env['PATH'] ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}
