/** Attributes of an SVG element; numbers are in user units. */
export type Attributes = Readonly<Record<string, string | number>>;

const entities: Readonly<Record<string, string>> = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' };

function escape(text: string): string {
  return text.replace(/[&<>"]/g, (character) => entities[character] ?? character);
}

function open(name: string, attributes: Attributes): string {
  const written = Object.entries(attributes).map(([key, value]) => {
    const text = typeof value === 'number' ? String(Math.round(value * 10) / 10) : escape(value);
    return ` ${key}="${text}"`;
  });
  return `<${name}${written.join('')}`;
}

export function rect(attributes: Attributes): string {
  return `${open('rect', attributes)}/>`;
}

export function label(content: string, attributes: Attributes): string {
  return `${open('text', attributes)}>${escape(content)}</text>`;
}
