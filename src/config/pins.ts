import type { Upstreams } from './upstreams.ts';
import type { Surroundings } from './surroundings.ts';
import { checkUpstream } from './upstream-pattern.ts';

/** Pins that protect nothing, given the upstreams. */
export function checkPins(
  pins: readonly string[],
  { upstreams, plain }: Pick<Upstreams, 'upstreams' | 'plain'>,
  around: Surroundings,
): void {
  const names = upstreams.map(({ name }) => name);
  for (const [index, pattern] of pins.entries()) {
    const path = ['pin', index];
    const [first = '', ...rest] = pattern.split('/');
    const isKnown = names.some((name) => name === first);
    if (rest.length === 0) {
      if (isKnown) around.problems.add(path, `${pattern} is an upstream, did you mean ${pattern}/*?`);
    } else if (/[.:]/.test(first) || first === 'localhost') {
      checkUpstream(pattern, path, names, around);
    }
    if (plain !== undefined || isKnown || /[*?[{.:]/.test(first)) continue;
    around.problems.add(
      path,
      `plain names mean nothing here; patterns begin with one of ${names.join(', ')}`,
    );
  }
}
