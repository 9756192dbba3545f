import type { PassThrough } from 'node:stream';

/** What a command has drawn on a screen. */
export interface FakeScreen {
  readonly stream: PassThrough;
  /** Each drawing, as lines. */
  frames(): readonly (readonly string[])[];
  /** Whether the last drawing was taken away. */
  isClear(): boolean;
}

const escape = '\u001B';
const clearDown = `${escape}[0J`;
const cursorMoves = new RegExp(`${escape}\\[\\d*[A-Z]`, 'g');

/** Makes a stream a terminal of that size, and keeps what is written to it. */
export function screenOf(
  stream: PassThrough,
  size: { readonly columns: number; readonly rows: number },
): FakeScreen {
  Object.assign(stream, { isTTY: true, ...size });
  let written = '';
  stream.on('data', (chunk: Buffer) => (written += chunk.toString()));
  const drawings = (): readonly string[] =>
    written.split(clearDown).map((part) => part.replaceAll(cursorMoves, ''));
  return {
    stream,
    frames: () => drawings().flatMap((drawing) => (drawing === '' ? [] : [drawing.split('\n')])),
    isClear: () => drawings().at(-1) === '',
  };
}
