import fc from 'fast-check';
import { expect, it } from 'vitest';
import { BadFile } from '../../src/references/bad-file.ts';
import { findInCompose } from '../../src/references/compose/find-in-compose.ts';
import { substitute } from '../../src/references/compose/substitute.ts';
import { findInDevContainer } from '../../src/references/devcontainer/find-in-devcontainer.ts';
import type { FileParser } from '../../src/references/parse-context.ts';
import { repeats } from '../support/depth.ts';
import { ProjectInMemory } from '../support/project-in-memory.ts';

/** Pieces of Compose files, whole and broken, among random texts. */
const pieces = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.constantFrom(
      'services:',
      '  web:',
      '  db: {image: pg}',
      '    image: nginx',
      '    image: ',
      '    build: .',
      '    build: {',
      '    extends: web',
      '    extends: {file: compose.yaml, service: db}',
      'include: [other.yaml]',
      'include:',
      '  - path: [other.yaml, compose.yaml]',
      'x-a: &a',
      '    <<: *a',
      '  two: *a',
      '    volumes:',
      '      - {type: image, source: x, target: /y}',
      '    profiles: [a]',
      '    depends_on: [db]',
      '    image: !reset',
      '    image: !override x',
      '---',
      '...',
      '    image: "${A:-${B:?c}}"',
      '    image: ${',
      '    args: [A, B=1]',
      '}',
      ']',
      '"',
      "'",
      '\t',
      '? ',
      '- ',
      ': ',
      '|',
      '  >-',
      '%YAML 1.2',
      'models: {m: {model: ai/x}}',
      'jobs: {j: {image: x}}',
      '*a',
      '&a',
      'name: ${A}',
      '{"services": {"web": {"image": "x"}}}',
    ),
  },
  { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 20 }) },
);

const fileText = fc.array(pieces, { maxLength: 25 }).map((lines) => lines.join('\n'));

const jsonText = fc.oneof(
  fc.json({ maxDepth: 4 }),
  fc
    .array(
      fc.constantFrom(
        '{',
        '}',
        '[',
        ']',
        '"image"',
        ':',
        ',',
        '"node:${localEnv:X}"',
        '"features"',
        '"build"',
        '"dockerfile"',
        '"compose.yaml"',
        '"dockerComposeFile"',
        '"./x"',
        '//',
        '/*',
        '"',
        '1',
        'null',
        '\n',
      ),
      { maxLength: 25 },
    )
    .map((parts) => parts.join(' ')),
);

/** Reads a file of a project, which gives images or a bad file: what is told of lines that are not there. */
async function misplaced(
  parse: FileParser,
  project: ProjectInMemory,
  name: string,
  lines: Readonly<Record<string, string>>,
): Promise<readonly unknown[]> {
  const told = await Promise.resolve(parse(project.file(name), project.context())).then(
    ({ images, unresolved, notes, problems }) => [...images, ...unresolved, ...notes, ...problems],
    (error: unknown) => {
      if (error instanceof BadFile) return [error];
      throw error;
    },
  );
  return told.filter(({ file, line = 1 }) => {
    const text = lines[file.replace('/project/', '')] ?? '';
    return line < 1 || line > text.split('\n').length;
  });
}

it('Compose files of any text give images or a bad file, with lines that are there', async () => {
  await fc.assert(
    fc.asyncProperty(fileText, fileText, fc.string({ maxLength: 60 }), async (main, other, env) => {
      const files = { 'compose.yaml': main, 'other.yaml': other, '.env': env, Dockerfile: 'FROM x' };
      expect(await misplaced(findInCompose, new ProjectInMemory(files), 'compose.yaml', files)).toEqual([]);
    }),
    { numRuns: repeats(300, 5000) },
  );
});

it('devcontainer.json of any text gives images or a bad file, with lines that are there', async () => {
  await fc.assert(
    fc.asyncProperty(jsonText, fileText, async (json, compose) => {
      const files = { 'devcontainer.json': json, 'compose.yaml': compose };
      expect(
        await misplaced(findInDevContainer, new ProjectInMemory(files), 'devcontainer.json', files),
      ).toEqual([]);
    }),
    { numRuns: repeats(300, 5000) },
  );
});

it('a text whose dollar signs are all doubled means itself', () => {
  expect.assertions(repeats(300, 5000));
  fc.assert(
    fc.property(fc.string(), (text) => {
      const lookup = (): undefined => undefined;
      expect(substitute(text.replaceAll('$', '$$$$'), lookup)).toEqual({ text, unset: [] });
    }),
    { numRuns: repeats(300, 5000) },
  );
});
