import { chmod, readFile, writeFile } from 'node:fs/promises';
import { beforeEach, expect, test } from 'vitest';
import { goProblem } from '../../e2e/support/go-version.ts';
import { TempFolder } from '../../support/temp-folder.ts';

let folder: TempFolder;
beforeEach(async () => {
  const mine = await TempFolder.create();
  folder = mine;
  return () => mine.remove();
});

/** A program that stands for Go. */
async function go(script: string): Promise<string> {
  const file = folder.join('go');
  await writeFile(file, `#!/bin/sh\n${script}\n`);
  await chmod(file, 0o755);
  return file;
}

test.each(['go1.25.0', 'go1.26.8'])('%s will do', async (version) => {
  expect(goProblem(await go(`echo go version ${version} linux/amd64`))).toBeUndefined();
});

test('an older one is named, with where to get another', async () => {
  expect(goProblem(await go('echo go version go1.19.8 linux/amd64'))).toMatch(
    /^Go 1\.25 or newer is needed.*https:\/\/go\.dev\/dl.*go1\.19\.8/u,
  );
});

test('one that may not fetch a newer one says so itself', async () => {
  const said = 'go: go.mod requires go >= 1.25.0 (running go 1.24.4; GOTOOLCHAIN=local)';
  expect(goProblem(await go(`echo '${said}' >&2; exit 1`))).toContain(said);
});

test('what is needed is what the module says', async () => {
  const file = new URL('../../e2e/oci-conformance/current/go.mod', import.meta.url);
  const [, minor] = /^go 1\.(\d+)/mu.exec(await readFile(file, 'utf8')) ?? [];
  expect(goProblem(await go('echo none'))).toContain(`Go 1.${minor} or newer`);
});
