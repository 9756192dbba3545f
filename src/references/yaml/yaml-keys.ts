/** Whether a YAML or JSON text seems to have a key at the top of a document; cheap, and of any text. */
export function hasTopKey(text: string, key: string): boolean {
  // JSON is written in many ways, so that there the key may be anywhere.
  const isJson = /^(?:---)?\s*\{/u.test(text);
  const pattern = isJson ? `"${key}"\\s*:` : `^(?:${key}|"${key}"|'${key}')[ \\t]*:(?:\\s|$)`;
  return new RegExp(pattern, 'mu').test(text);
}
