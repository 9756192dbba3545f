import type { Upstreams } from './upstreams.ts';
import type { LoadContext } from './load-context.ts';
import { checkUpstream } from './upstream-pattern.ts';

/** Pins that protect nothing, given the upstreams. */
export function checkPins(
  pins: readonly string[],
  { upstreams, plain }: Pick<Upstreams, 'upstreams' | 'plain'>,
  context: LoadContext,
): void {
  const names = upstreams.map(({ name }) => name);
  for (const [index, pattern] of pins.entries()) {
    const path = ['pin', index];
    const [first = '', ...rest] = pattern.split('/');
    const isKnown = names.some((name) => name === first);
    if (rest.length === 0) {
      if (isKnown) context.problems.add(path, `${pattern} is an upstream, did you mean ${pattern}/*?`);
    } else if (/[.:]/.test(first) || first === 'localhost') {
      checkUpstream(pattern, path, names, context);
    }
    if (plain !== undefined || isKnown || /[*?[{.:]/.test(first)) continue;
    context.problems.add(
      path,
      `plain names mean nothing here; patterns begin with one of ${names.join(', ')}`,
    );
  }
}
