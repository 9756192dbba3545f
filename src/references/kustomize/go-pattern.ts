/** As many as keep the time linear for names of any length that matters. */
const maxQuantifiers = 3;

/**
 * A regular expression as kustomize reads it, that of Go: undefined for one that is none, means something else here, or would
 * take long.
 */
export function goPattern(pattern: string): RegExp | undefined {
  const hasOther = /[^\w\-./:@ |()^$\\[\]*+?]|\\[^.\-/]|\(\?|[)*+?][*+?]|\[[^\]]*\[/u.test(pattern);
  const quantifiers = pattern.match(/[*+?]/gu) ?? [];
  if (hasOther || quantifiers.length > maxQuantifiers) return undefined;
  try {
    return new RegExp(pattern, 'u');
  } catch {
    return undefined;
  }
}
