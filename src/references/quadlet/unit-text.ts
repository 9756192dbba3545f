import { fillIn, type Filled } from '../placeholders.ts';
import type { UnitFile } from './unit-file.ts';

/** `%i` and so on; `%%` is a percent sign. Variables are those of the service. */
const placeholder = /(%.?)|\$\{(\w+)\}|\$(\w+)/gsu;

/**
 * A value as systemd passes it to Podman.
 * @param name the unit's file: `web@1.container`
 * @see https://www.freedesktop.org/software/systemd/man/latest/systemd.unit.html#Specifiers
 */
export function unitText(
  value: string,
  { name, unit, environment }: { name: string; unit: UnitFile; environment: ReadonlyMap<string, string> },
): Filled {
  const [prefix = '', instance] = name.replace(/\.[^.]*$/u, '').split('@', 2);
  const specifiers = new Map([
    ['%%', '%'],
    ['%p', prefix],
    ['%N', instance === undefined ? prefix : `${prefix}@${instance}`],
    ...(instance === undefined || instance === '' ? [] : ([['%i', instance]] as const)),
  ]);
  const variables = new Map(
    unit.all('Service', 'Environment').flatMap((entry) => [...assignments(entry.value)]),
  );
  return fillIn(unquoted(value), placeholder, (found) =>
    found.startsWith('%') ? specifiers.get(found) : (variables.get(found) ?? environment.get(found)),
  );
}

/** The first word. */
export function unquoted(value: string): string {
  return (
    /^"([^"]*)"|^'([^']*)'|^\S+/u
      .exec(value)
      ?.slice(1)
      .find((group) => group !== undefined) ??
    value.split(/\s/u, 1)[0] ??
    ''
  );
}

/** `"A=b c" D=e`. */
function* assignments(text: string): Generator<readonly [string, string]> {
  for (const [, double, single, plain = ''] of text.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/gu)) {
    const [name = '', ...value] = (double ?? single ?? plain).split('=');
    yield [name, value.join('=')];
  }
}
