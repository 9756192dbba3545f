import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { runProgram } from '../../../../src/cli/program.ts';

interface Snippet {
  readonly page: string;
  readonly command: string;
  readonly block: string;
}

/** A comment with a command line, and the fenced block after it. */
const marked = /<!-- entrepot (setup [^\n]+) -->\n\n?```\w*\n([\s\S]*?)```/gu;

function snippetsOf(page: string): readonly Snippet[] {
  const text = readFileSync(new URL(`../../../../${page}`, import.meta.url), 'utf8');
  return [...text.matchAll(marked)].map(([, command = '', block = '']) => ({ page, command, block }));
}

const snippets = ['README.md', 'docs/clients.md'].flatMap(snippetsOf);

async function outputOf(command: string): Promise<string> {
  let out = '';
  const code = await runProgram(command.split(' '), {
    out: (text) => void (out += text),
    err: (text) => void (out += text),
    interactive: false,
  });
  expect(code).toBe(0);
  return out;
}

describe('the documentation', () => {
  it('has a snippet for each client that has one file or a few', () => {
    const shown = new Set(snippets.map(({ command }) => command.split(' ')[1]));

    expect([...shown]).toEqual(
      expect.arrayContaining([
        'docker',
        'containerd',
        'buildkit',
        'podman',
        'k3s',
        'kind',
        'kaniko',
        'ollama',
        'github-actions',
        'gitlab-ci',
      ]),
    );
  });

  it.each(snippets)('of $page shows what "entrepot $command" prints', async ({ command, block }) => {
    expect(block.trim()).not.toBe('');
    expect(await outputOf(command)).toContain(block);
  });
});
