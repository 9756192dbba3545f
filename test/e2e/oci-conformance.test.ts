import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { TempFolder } from '../support/temp-folder.ts';
import { command } from './support/command.ts';
import { Entrepot } from './support/entrepot.ts';
import { buildGoProgram, buildGoTests } from './support/go-build.ts';
import { Olareg } from './support/olareg.ts';
import { ReadWriteSplit } from './support/read-write-split.ts';

// The suites of the OCI themselves, which push to the registry upstream and pull from Entrepot in front of
// it. What only concerns pushing and deleting is left out: a mirror takes neither.

const suitePackage = 'github.com/opencontainers/distribution-spec/conformance';
const currentModule = moduleFolder('current');
const originalModule = moduleFolder('1.1');

let folder: TempFolder;
let olaregProgram: string;

beforeAll(async () => {
  folder = await TempFolder.create();
  olaregProgram = folder.join('olareg');
  await buildGoProgram(currentModule, 'github.com/olareg/olareg/cmd/olareg', olaregProgram);
}, 180_000);

afterAll(async () => {
  await folder.remove();
});

test('passes all of pull and content discovery in the suite of distribution-spec 1.1', async () => {
  const suite = folder.join('suite-1.1');
  await buildGoTests(originalModule, suitePackage, suite);
  const report = folder.join('suite-1.1.json');
  await using olareg = await Olareg.start(olaregProgram, folder.join('registry-1.1'));
  await using entrepot = await startMirror(olareg.url);
  await using registry = await ReadWriteSplit.start({ reads: entrepot.url, writes: olareg.url });

  // It exits with 1 when anything fails, and prints what.
  await command(suite, [`-ginkgo.json-report=${report}`, '-ginkgo.no-color'], {
    env: {
      ...process.env,
      OCI_ROOT_URL: `http://${registry.host}`,
      OCI_NAMESPACE: 'original/repo',
      OCI_CROSSMOUNT_NAMESPACE: 'original/other',
      OCI_TEST_PULL: '1',
      OCI_TEST_CONTENT_DISCOVERY: '1',
      OCI_REPORT_DIR: 'none',
    },
    ms: 150_000,
  });

  // What concerns pushing and deleting is skipped.
  expect(await ginkgoStates(report)).toEqual({ passed: 38, skipped: 41 });
}, 360_000);

test('passes all of pull and content discovery in the suite that follows it', async () => {
  const suite = folder.join('suite');
  await buildGoProgram(currentModule, suitePackage, suite);
  const results = folder.join('results');
  await using olareg = await Olareg.start(olaregProgram, folder.join('registry'));
  await using entrepot = await startMirror(olareg.url);
  await using registry = await ReadWriteSplit.start({ reads: entrepot.url, writes: olareg.url });

  await command(suite, [], {
    env: {
      ...process.env,
      OCI_REGISTRY: registry.host,
      OCI_TLS: 'disabled',
      OCI_REPO1: 'current/repo',
      OCI_REPO2: 'current/other',
      OCI_API_BLOBS_DELETE: 'false',
      OCI_API_MANIFESTS_DELETE: 'false',
      OCI_API_TAGS_DELETE: 'false',
      OCI_RESULTS_DIR: results,
    },
    ms: 150_000,
  });

  // Skipped are deletions, and what belongs to the next specification.
  expect(await junitStates(`${results}/junit.xml`)).toEqual({ passed: 518, skipped: 173 });
}, 360_000);

/** Tags are asked about anew each time, since the suites push over those that they have pulled. */
async function startMirror(remoteurl: string): Promise<Entrepot> {
  return Entrepot.start({ sections: { proxy: { remoteurl, freshness: { default: '0s' } } } });
}

function moduleFolder(name: string): string {
  return fileURLToPath(new URL(`oci-conformance/${name}`, import.meta.url));
}

/** How many of the suite's tests ended in which state. */
async function ginkgoStates(report: string): Promise<Record<string, number>> {
  const [suite] = JSON.parse(await readFile(report, 'utf8')) as {
    readonly SpecReports: readonly { readonly LeafNodeType: string; readonly State: string }[];
  }[];
  const states: Record<string, number> = {};
  for (const { LeafNodeType, State } of suite?.SpecReports ?? []) {
    if (LeafNodeType === 'It') states[State] = (states[State] ?? 0) + 1;
  }
  return states;
}

/** The same of a report in JUnit's form. */
async function junitStates(report: string): Promise<Record<string, number>> {
  const states: Record<string, number> = {};
  for (const [, state = ''] of (await readFile(report, 'utf8')).matchAll(/<testcase [^>]*status="(\w+)"/gu)) {
    states[state] = (states[state] ?? 0) + 1;
  }
  return states;
}
