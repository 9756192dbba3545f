/** Where a command writes; the process's own streams, or a test's. */
export interface Terminal {
  /** Results and what people should read. */
  out(text: string): void;
  /** Complaints. */
  err(text: string): void;
  /** Whether a person reads `out` as it comes. */
  readonly interactive: boolean;
  /** Standard error where it is a terminal: for progress bars. */
  readonly bars?: NodeJS.WritableStream | undefined;
}

/**
 * Strips control characters: answers of servers, damaged databases and file names may come from users with fewer
 * rights than the reader.
 */
export function withoutControls(terminal: Terminal): Terminal {
  const plain = (text: string): string => text.replaceAll(/[^\P{Cc}\n]/gu, '?');
  return {
    ...terminal,
    out: (text) => terminal.out(plain(text)),
    err: (text) => terminal.err(plain(text)),
  };
}

/** The process's streams. A reader that went away (`entrepot --help | head -1`) is no reason to fail. */
export function processTerminal({ stdout, stderr }: NodeJS.Process): Terminal {
  for (const stream of [stdout, stderr]) {
    stream.on('error', (error: NodeJS.ErrnoException) => {
      if (error.code !== 'EPIPE') throw error;
    });
  }
  return {
    out: (text) => void stdout.write(text),
    err: (text) => void stderr.write(text),
    interactive: stdout.isTTY,
    bars: stderr.isTTY ? stderr : undefined,
  };
}
