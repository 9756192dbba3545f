import { expect, test } from 'vitest';
import { Child } from '../../support/child.ts';

function node(script: string): Child {
  return new Child(process.execPath, ['-e', script], { deadlineMs: 5000 });
}

test('a line can be waited for, and what it says be read', async () => {
  await using child = node(
    "setTimeout(() => console.log('listening on 4711'), 20); setInterval(() => 0, 1000)",
  );
  const [, port] = await child.waitFor(/listening on (\d+)/);

  expect([port, child.running]).toEqual(['4711', true]);
});

test('an end without the line is told with all the output', async () => {
  await using child = node("console.error('no such file'); process.exit(3)");

  await expect(child.waitFor(/listening/)).rejects.toThrow(/ended without \/listening\/:\nno such file/);
  expect(await child.exited()).toEqual({ code: 3, signal: null });
});

test('a silent process is given up on with what it said so far', async () => {
  await using child = node("console.log('starting'); setInterval(() => 0, 1000)");
  await child.waitFor(/starting/);

  await expect(child.waitFor(/listening/, 20)).rejects.toThrow(/within 20 ms; its output:\nstarting/);
});

test('kill -9 ends it by that signal', async () => {
  await using child = node("console.log('up'); setInterval(() => 0, 1000)");
  await child.waitFor(/up/);
  child.kill('SIGKILL');

  expect(await child.exited()).toEqual({ code: null, signal: 'SIGKILL' });
  expect(child.running).toBe(false);
});

test('a command that is not there ends at once, with the reason', async () => {
  await using child = new Child('/no/such/command', []);

  expect(await child.exited()).toEqual({ code: null, signal: null });
  expect(child.stderr).toContain('ENOENT');
});
