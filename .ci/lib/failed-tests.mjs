// Prints the tests that failed or were skipped in a report that vitest's json reporter wrote: file, full name, and how the
// message begins. Exits with 1 when there is none, for then the step failed of something else.
import { readFileSync } from 'node:fs';
import { relative } from 'node:path';
import { stripVTControlCharacters } from 'node:util';

const messageLines = 12;

const { testResults } = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const failed = testResults.flatMap(({ name, status, message, assertionResults }) => {
  const file = relative(process.cwd(), name);
  const tests = assertionResults
    .filter((test) => test.status !== 'passed')
    .map((test) => ({
      title: `${file} > ${test.fullName}`,
      outcome: test.status,
      messages: test.failureMessages ?? [],
    }));
  // A file that cannot be loaded, or whose hooks fail, may have no failed test of its own.
  return status === 'failed' && !tests.some(({ outcome }) => outcome === 'failed')
    ? [...tests, { title: file, outcome: status, messages: [message] }]
    : tests;
});

for (const { title, outcome, messages } of failed) {
  console.log(`--- ${outcome}: ${title}`);
  for (const message of messages) {
    const lines = stripVTControlCharacters(message).trimEnd().split('\n').filter(isOurs);
    const shown = lines.length > messageLines ? [...lines.slice(0, messageLines), '…'] : lines;
    for (const line of shown) console.log(`    ${line}`);
  }
}
process.exitCode = failed.length === 0 ? 1 : 0;

/** Not a frame of vitest's or of Node's own. */
function isOurs(line) {
  return !/^\s*at .*(?:node_modules\/|node:|<anonymous>)/u.test(line);
}
