/** What a name in a text stands for; undefined where that is not known. */
export type Lookup = (name: string) => string | undefined;

/** A text with its placeholders filled in, or the name of the first that stands for nothing known. */
export type Filled = { readonly text: string } | { readonly missing: string };

/**
 * Fills in the placeholders of a text.
 * @param pattern what they look like, as a global expression; the first group that matched is the name
 */
export function fillIn(text: string, pattern: RegExp, lookup: Lookup): Filled {
  let missing: string | undefined;
  const filled = text.replace(pattern, (placeholder: string, ...rest: readonly unknown[]) => {
    const name = rest.find((group): group is string => typeof group === 'string') ?? placeholder;
    const value = lookup(name);
    if (value === undefined) missing ??= name;
    return value ?? placeholder;
  });
  return missing === undefined ? { text: filled } : { missing };
}
