import { isDeepStrictEqual } from 'node:util';
import type { ListenAddress } from '../http/server.ts';
import { addressText } from './address-text.ts';
import type { FileValues } from './schema.ts';
import type { LoadContext } from './load-context.ts';
import { pathText, type Path } from './tree.ts';
import type { GivenUpstream } from './upstream-schema.ts';

/** An upstream that may have addresses and host names of its own. */
interface Bound {
  readonly path: Path;
  readonly given: Pick<GivenUpstream, 'listen' | 'hosts'>;
}

/** Each listen address and host name stands for one upstream: problems for those that are taken twice. */
export function checkBindings(
  named: readonly Bound[],
  http: FileValues['http'],
  { problems }: LoadContext,
): void {
  const addresses: { readonly key: string; readonly address: ListenAddress }[] = [];
  const take = (path: Path, address: ListenAddress): void => {
    const taken = addresses.find((other) => overlaps(other.address, address));
    if (taken !== undefined) {
      problems.add(path, `${addressText(address)} is taken already by ${taken.key}`);
    }
    addresses.push({ key: pathText(path), address });
  };
  take(['http', 'addr'], http.addr);
  if (http.publicAddr !== undefined) take(['http', 'public', 'addr'], http.publicAddr);
  const hosts = new Map<string, string>();
  for (const { path, given } of named) {
    if (given.listen !== undefined) take([...path, 'listen'], given.listen);
    for (const host of new Set(given.hosts)) {
      const taken = hosts.get(host);
      if (taken !== undefined) problems.add([...path, 'hosts'], `${host} is taken already by ${taken}`);
      hosts.set(host, pathText([...path, 'hosts']));
    }
  }
}

function overlaps(one: ListenAddress, other: ListenAddress): boolean {
  if (one.port === 0 || one.port !== other.port) return false;
  return isEverywhere(one) || isEverywhere(other) || isDeepStrictEqual(one, other);
}

function isEverywhere({ host }: ListenAddress): boolean {
  return host === undefined || host === '0.0.0.0' || host === '::';
}
