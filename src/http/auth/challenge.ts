/**
 * A challenge as `WWW-Authenticate` has it. Parameters that are undefined are left out.
 * @see https://www.rfc-editor.org/rfc/rfc9110#section-11.6.1
 */
export function challenge(scheme: string, parameters: Readonly<Record<string, string | undefined>>): string {
  const list = Object.entries(parameters).flatMap(([name, value]) =>
    value === undefined ? [] : [`${name}="${quotable(value)}"`],
  );
  return `${scheme} ${list.join(',')}`;
}

/** What a quoted string may hold: nothing that ends it, the header, or the line. */
function quotable(text: string): string {
  return text.replaceAll(/[^ -~]/g, '?').replaceAll(/["\\]/g, String.raw`\$&`);
}
