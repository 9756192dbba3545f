import { readFile, rename, writeFile } from 'node:fs/promises';
import type { TempFolder } from './temp-folder.ts';

/**
 * A credential helper: a program in `folder` that says what a test lays down, and notes what it was asked.
 */
export class FakeHelper {
  /** Its absolute path. */
  readonly program: string;

  private constructor(program: string) {
    this.program = program;
  }

  static async create(folder: TempFolder, name = 'docker-credential-fake'): Promise<FakeHelper> {
    const helper = new FakeHelper(folder.join(name));
    await helper.becomes('exit 1');
    return helper;
  }

  /** From now on it answers with these credentials. */
  async gives(username: string, secret: string): Promise<void> {
    await this.says(JSON.stringify({ ServerURL: 'whatever', Username: username, Secret: secret }));
  }

  /**
   * From now on it writes `text` to standard output, `noise` to standard error, and exits with `exitCode`.
   */
  async says(text: string, exitCode = 0, noise = ''): Promise<void> {
    await writeFile(`${this.program}.out`, text);
    await writeFile(`${this.program}.err`, noise);
    await this.becomes(`cat '${this.program}.out'; cat '${this.program}.err' >&2; exit ${exitCode}`);
  }

  /** From now on it runs `script`, after it has noted its arguments and its input. */
  async becomes(script: string): Promise<void> {
    const note = `printf '%s|' "$*" >> '${this.program}.asked'; cat >> '${this.program}.asked'; echo >> '${this.program}.asked'`;
    await writeFile(`${this.program}.new`, `#!/bin/sh\n${note}\n${script}\n`, { mode: 0o755 });
    await rename(`${this.program}.new`, this.program);
  }

  /** `arguments|input` of every run so far. */
  async asked(): Promise<readonly string[]> {
    const text = await readFile(`${this.program}.asked`, 'utf8').catch(() => '');
    return text.split('\n').slice(0, -1);
  }
}
