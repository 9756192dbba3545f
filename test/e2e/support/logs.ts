import { onTestFailed } from 'vitest';
import type { Child } from '../../support/child.ts';

/** Prints all that a process wrote when the test that started it fails. */
export function showWhenFailed(name: string, child: Child): void {
  onTestFailed(() => {
    process.stderr.write(`--- ${name}\n${child.output}\n`);
  });
}
