/** Plain objects and lists that are read-only all the way down. */
export type Immutable<Value> = Value extends string | number | boolean | undefined | URL
  ? Value
  : Value extends readonly (infer Member)[]
    ? readonly Immutable<Member>[]
    : { readonly [Key in keyof Value]: Immutable<Value[Key]> };

/** Freezes plain objects and lists all the way down; instances of classes (URL) are left as they are. */
export function deepFreeze<Value>(value: Value): Value {
  if (typeof value !== 'object' || value === null || Object.isFrozen(value)) return value;
  const prototype: unknown = Object.getPrototypeOf(value);
  if (prototype !== Object.prototype && prototype !== Array.prototype && prototype !== null) return value;
  for (const part of Object.values(value)) deepFreeze<unknown>(part);
  return Object.freeze(value);
}
