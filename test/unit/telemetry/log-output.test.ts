import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { LogOutput, type LogFile } from '../../../src/telemetry/log-output.ts';
import { eventually } from '../../support/deadline.ts';

/** A file that takes so many bytes at a time, or none while it fails. */
class TestFile {
  text = '';
  errno: string | undefined;
  mostAtOnce = Infinity;
  attempts = 0;
  /** Set: it answers no write. */
  isStuck = false;

  readonly file = {
    write: (_fd: number, bytes: Buffer, done: (error: Error | null, written: number) => void): void => {
      this.attempts += 1;
      if (this.isStuck) return;
      setImmediate(() => {
        if (this.errno === undefined) done(null, this.#take(bytes));
        else done(failure(this.errno), 0);
      });
    },
    writeSync: (_fd: number, bytes: Buffer): number => {
      this.attempts += 1;
      if (this.errno !== undefined) throw failure(this.errno);
      return this.#take(bytes);
    },
  } as unknown as LogFile;

  #take(bytes: Buffer): number {
    const taken = bytes.subarray(0, this.mostAtOnce);
    this.text += taken.toString();
    return taken.length;
  }
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

function output() {
  const target = new TestFile();
  return { target, log: new LogOutput(1, target.file) };
}

describe('what is logged', () => {
  it('is written in order and whole, though it is taken bit by bit', async () => {
    const { target, log } = output();
    target.mostAtOnce = 7;
    const lines = Array.from({ length: 1000 }, (_, number) => `line ${number}\n`);

    for (const line of lines) log.write(line);

    await eventually(60_000, 'the last line', () => target.text.endsWith('line 999\n'));
    expect(target.text).toBe(lines.join(''));
  });

  it('is gathered, and written soon although it is little', async () => {
    const { target, log } = output();
    for (let number = 0; number < 10; number += 1) log.write('x\n');
    expect(target.attempts).toBe(0);

    await eventually(60_000, 'the lines', () => target.text === 'x\n'.repeat(10));

    expect(target.attempts).toBe(1);
  });

  it('is lost while the disk is full, and written again when it is not', async () => {
    const { target, log } = output();
    target.errno = 'ENOSPC';
    log.write('lost\n');
    await eventually(60_000, 'an attempt', () => target.attempts > 0);
    await delay(10);
    target.errno = undefined;

    log.write('kept\n');

    await eventually(60_000, 'the line after it', () => target.text !== '');
    expect(target.text).toBe('kept\n');
  });

  it('waits for a reader that is busy', async () => {
    const { target, log } = output();
    target.errno = 'EAGAIN';
    log.write('one\n');
    await eventually(60_000, 'some attempts', () => target.attempts > 2);
    log.write('two\n');
    target.errno = undefined;

    await eventually(60_000, 'the second line', () => target.text.includes('two'));
    expect(target.text).toBe('one\ntwo\n');
  });

  it('is kept for a reader that has gone away no more', async () => {
    const { target, log } = output();
    target.errno = 'EPIPE';
    log.write('one\n');
    await eventually(60_000, 'an attempt', () => target.attempts > 0);
    await delay(10);

    for (let number = 0; number < 10_000; number += 1) log.write('many more of them\n');
    log.flushSync();

    expect(target.attempts).toBe(1);
  });

  it('takes no more than some memory while nobody reads it', () => {
    const { target, log } = output();
    target.isStuck = true;
    const line = `${'x'.repeat(1024 * 1024)}\n`;
    for (let number = 0; number < 100; number += 1) log.write(line);
    target.isStuck = false;

    log.flushSync();

    expect(target.text.length).toBeGreaterThan(1024 * 1024);
    expect(target.text.length).toBeLessThan(12 * 1024 * 1024);
  });

  it('is written at the end of the process, in order', async () => {
    const { target, log } = output();
    target.mostAtOnce = 3;
    target.isStuck = true;
    log.write('one\n');
    await eventually(60_000, 'an attempt', () => target.attempts > 0);
    log.write('two\n');

    log.flushSync();

    expect(target.text).toBe('one\ntwo\n');
  });

  it.each(['EPIPE', 'ENOSPC', 'EIO', 'EAGAIN'])(
    'does not keep the process from ending when writing fails by %s',
    (errno) => {
      const { target, log } = output();
      target.errno = errno;
      log.write('one\n');
      const startedAt = performance.now();

      log.flushSync();

      expect(performance.now() - startedAt).toBeLessThan(5000);
      expect(target.text).toBe('');
    },
  );

  it('does not keep the process from ending when a reader has stopped reading a while ago', async () => {
    const { target, log } = output();
    target.isStuck = true;
    log.write('one\n');
    await eventually(60_000, 'an attempt', () => target.attempts > 0);
    await delay(1100);

    log.flushSync();

    expect(target.attempts).toBe(1);
  });
});
