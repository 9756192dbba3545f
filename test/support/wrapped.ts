/** `object` with some of its methods replaced; all others work on the object itself. */
export function wrapped<T extends object>(object: T, replaced: Partial<T>): T {
  return new Proxy(object, {
    get(inner, property) {
      const value: unknown = Reflect.get(property in replaced ? replaced : inner, property, inner);
      return typeof value === 'function' && !(property in replaced) ? (value.bind(inner) as unknown) : value;
    },
  });
}
