import picomatch from 'picomatch';

/** Whether a text, as a whole, is what a pattern describes. */
export type Glob = (text: string) => boolean;

/** No negation: a `!` by mistake would match all that a rule should not, and open what it should close. */
const common = { dot: true, nonegate: true, noextglob: true, strictBrackets: true } as const;

/** Characters of names and tags, and those with a meaning in globs; picomatch knows many others. */
const possible = /^(?:[\w.:/*?{},-]|\[[\w.-]+\])+$/;

/**
 * A glob on `repository:tag`, such as `library/*:latest` or `*:nightly`; `*` crosses slashes.
 * @throws SyntaxError
 */
export function tagGlob(pattern: string): Glob {
  return compile(pattern, true);
}

/**
 * A glob on `upstream/repository`, such as `ghcr.io/acme/*`: `*` stays between two slashes, `**` stands for
 * any number of parts.
 * @throws SyntaxError
 */
export function repositoryGlob(pattern: string): Glob {
  return compile(pattern, false);
}

function compile(pattern: string, starCrossesSlashes: boolean): Glob {
  if (!possible.test(pattern)) {
    throw new SyntaxError(
      'has a character that is in no name and means nothing in a glob, or half a pair of []',
    );
  }
  try {
    return picomatch(pattern, { ...common, bash: starCrossesSlashes });
  } catch (error) {
    throw new SyntaxError('has half a pair of {}', { cause: error });
  }
}
