/**
 * Whether a YAML or JSON text seems to have a key at the top of a document; cheap, and of any text. JSON is written in many
 * ways, so that there the key may be anywhere.
 */
export function hasTopKey(text: string, key: string): boolean {
  return new RegExp(
    `^(?:${key}|"${key}"|'${key}')[ \\t]*:(?:\\s|$)|^[ \\t]*\\{[^]*"${key}"[ \\t]*:`,
    'mu',
  ).test(text);
}
