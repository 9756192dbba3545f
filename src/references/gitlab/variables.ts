import { fillIn, type Filled, type Lookup } from '../placeholders.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';

/** Variables by name, as they are declared. */
export type Variables = ReadonlyMap<string, YamlNode>;

/** Variables in one another. */
const maxLevels = 20;

/** `$NAME`, `${NAME}`, `%NAME%`, and `$$` for a dollar. */
const placeholder = /(\$\$)|\$\{([^{}]*)\}|\$([A-Za-z_]\w*)|%([A-Za-z_]\w*)%/gu;

/**
 * A text with its variables filled in, and those in their values.
 * @param outside what variables are that the configuration does not declare
 * @see https://docs.gitlab.com/ci/variables/where_variables_can_be_used/
 */
export function expand(text: string, variables: Variables, outside: Lookup, level = 0): Filled {
  let missing: string | undefined;
  const filled = fillIn(text, placeholder, (name) => {
    if (name === '$$') return '$';
    const declared = variables.get(name);
    if (declared === undefined) return outside(name);
    const value = declared.text ?? declared.textAt('value') ?? '';
    if (declared.textAt('expand') === 'false') return value;
    if (level >= maxLevels) return undefined;
    const inner = expand(value, variables, outside, level + 1);
    if ('text' in inner) return inner.text;
    missing = inner.missing;
    return undefined;
  });
  return 'missing' in filled && missing !== undefined ? { missing } : filled;
}
