import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { evaluate } from '../../src/references/bake/hcl/evaluate.ts';
import { HclError } from '../../src/references/bake/hcl/hcl-error.ts';
import { parseHcl } from '../../src/references/bake/hcl/parse-body.ts';
import { BakeValues } from '../../src/references/bake/bake-values.ts';
import { findInDockerfile } from '../../src/references/dockerfile/find-in-dockerfile.ts';
import { repeats } from '../support/depth.ts';

/** Texts of words that mean something to a parser, in any order. */
function textOf(words: readonly string[]): fc.Arbitrary<string> {
  const word = fc.oneof(
    { weight: 9, arbitrary: fc.constantFrom(...words) },
    { weight: 1, arbitrary: fc.string({ unit: 'binary', maxLength: 4 }) },
  );
  return fc.array(word, { maxLength: 60 }).map((parts) => parts.join(''));
}

const dockerfile = textOf(
  'FROM alpine|FROM |ARG |ARG A=1|COPY --from=|RUN --mount=from=|ONBUILD |# escape=`|# syntax=a/b|AS x|x|0|$A|${A:-|${A#*|${A/|}|<<EOF|EOF|"|\'|\\|`|\n|\n|\n| | '.split(
    '|',
  ),
);

const hcl = textOf(
  'target |variable |x|y|"x"|"${|${|}|{|[|(|]|)|=|=>|==|?|:|,|.|...|!|-|+|*|for |in |if |null|true|1|f(|join(|<<E|E|/*|*/|#|\\|"|~|\n|\n| '.split(
    '|',
  ),
);

describe('whatever stands in it', () => {
  it('a Dockerfile gives images or problems', () => {
    fc.assert(
      fc.property(dockerfile, (text) => {
        const found = findInDockerfile(
          { path: 'Dockerfile', folder: '.', text: `FROM alpine AS x\n${text}` },
          {
            target: undefined,
            buildArgs: new Map(),
            platforms: [{ os: 'linux', architecture: 'amd64' }],
            contexts: new Map(),
          },
        );
        const all = [...found.images, ...found.unresolved, ...found.problems, ...found.notes];
        expect(all).not.toEqual([]);
      }),
      { numRuns: repeats(2000, 20_000) },
    );
  });

  it('HCL gives a value or an error of its own', () => {
    fc.assert(
      fc.property(hcl, (text) => {
        try {
          const body = parseHcl(`a = ${text}`, 1);
          const values = new BakeValues({ environment: new Map(), localPlatform: 'linux/amd64' });
          values.declare(body);
          for (const { expression } of body.attributes.values()) evaluate(expression, values);
        } catch (error) {
          expect(error).toBeInstanceOf(HclError);
        }
      }),
      { numRuns: repeats(2000, 20_000) },
    );
  });
});
