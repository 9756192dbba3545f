import type { YamlNode } from './yaml-node.ts';

const nulls = /^(?:~|null|Null|NULL|)$/u;
const booleans = /^(?:true|True|TRUE|false|False|FALSE)$/u;
const integer = /^[-+]?(?:0b[01]+|0o?[0-7]+|0x[0-9a-f]+|0|[1-9]\d*)$/iu;
const float = /^[-+]?(?:\.\d+|\d+(?:\.\d*)?)(?:[eE][-+]?\d+)?$/u;
const specialFloat = /^(?:[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$/u;
const date = /^\d{4}-\d{1,2}-\d{1,2}(?:[Tt ].*)?$/u;

const maxInteger = 2n ** 64n - 1n;

/** Whether YAML reads it as text: it is quoted, or neither a number nor a boolean. */
export function isText(node: YamlNode): boolean {
  const { text } = node;
  if (text === undefined) return false;
  if (node.origin.isPlain !== true || node.origin.tag !== undefined) return true;
  return ![nulls, booleans, specialFloat, date].some((pattern) => pattern.test(text)) && !isNumber(text);
}

/**
 * A scalar as Compose writes it where it wants a text: of the number 3.10 it makes 3.1. Undefined for what
 * is no scalar.
 */
export function scalarText(node: YamlNode): string | undefined {
  const { text } = node;
  if (text === undefined || isText(node)) return text;
  if (booleans.test(text)) return text.toLowerCase();
  return isNumber(text) ? numberText(text) : text;
}

function isNumber(text: string): boolean {
  const digits = text.replaceAll('_', '');
  return integer.test(digits) || float.test(digits);
}

function numberText(text: string): string {
  const digits = text.replaceAll('_', '');
  // Reading thousands of digits takes time that grows with their square.
  if (!integer.test(digits) || digits.length > 100) return floatText(Number(digits));
  const isNegative = digits.startsWith('-');
  const absolute = digits.replace(/^[-+]/u, '').replace(/^0(?=[0-7])/u, '0o');
  const value = BigInt(absolute.toLowerCase());
  // What no integer of 64 bits can hold is a decimal.
  if (value > maxInteger) return floatText(isNegative ? -Number(value) : Number(value));
  return `${isNegative ? '-' : ''}${value}`;
}

/** As Go prints a decimal: with an exponent, of two digits at least, if it is very large or small. */
function floatText(value: number): string {
  const size = Math.abs(value);
  if (size === 0 || (size >= 1e-4 && size < 1e6)) return String(value);
  return value.toExponential().replace(/([-+])(\d)$/u, '$10$2');
}
