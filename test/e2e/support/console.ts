/** A command of a page, and what it prints. */
export interface ConsoleStep {
  readonly command: string;
  readonly printed: string;
}

/** The commands in a page's `console` blocks, in order. */
export function consoleSteps(page: string): readonly ConsoleStep[] {
  return [...page.matchAll(/```console\n([^]*?)```/gu)].flatMap(([, block = '']) =>
    block
      .split(/^\$ /mu)
      .slice(1)
      .map((step) => {
        const [command = '', ...printed] = step.split('\n');
        return { command, printed: printed.join('\n') };
      }),
  );
}

/** The page's block of a language, the first one. */
export function blockOf(page: string, language: string): string {
  const [, block] = new RegExp(`\`\`\`${language}\\n([^]*?)\`\`\``, 'u').exec(page) ?? [];
  if (block === undefined) throw new Error(`the page has no block of ${language}`);
  return block;
}

/** What is printed, without what is different each time or elsewhere: sizes, times, digests, widths of columns. */
export function comparable(printed: string): string {
  return printed
    .replaceAll(/\b\d+(?:\.\d+)? (?:[KMGT]i)?B\b/gu, 'SIZE')
    .replaceAll(/\b\d+ (?:second|minute|hour)s?\b/gu, 'TIME')
    .replaceAll(/linux\/(?:amd64|arm64)/gu, 'PLATFORM')
    .replaceAll(/sha256:[0-9a-f]+/gu, 'DIGEST')
    .replaceAll(/ {2,}/gu, '  ')
    .trimEnd();
}
