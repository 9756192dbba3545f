import { isIP } from 'node:net';

const address = (value: string): boolean => isIP(value) > 0;
const port = (value: string): boolean => /^[1-9][0-9]{0,4}$/.test(value);

/** `tcp://10.0.0.1:5000`, an address of IPv6 in brackets. */
function endpoint(value: string): boolean {
  const host = /^(?:tcp|udp|sctp):\/\/(.+):[1-9][0-9]{0,4}$/.exec(value)?.[1] ?? '';
  return address(host.replace(/^\[(.*)\]$/, '$1'));
}

/** The ends of names, and what stands in a variable that is called so. */
const shapes: readonly (readonly [end: RegExp, holds: (value: string) => boolean])[] = [
  [/_SERVICE_HOST$/, address],
  [/_SERVICE_PORT(?:_[A-Z0-9_]+)?$/, port],
  [/_PORT(?:_[0-9]+_(?:TCP|UDP|SCTP))?$/, endpoint],
  [/_PORT_[0-9]+_(?:TCP|UDP|SCTP)_PROTO$/, (value) => /^(?:tcp|udp|sctp)$/.test(value)],
  [/_PORT_[0-9]+_(?:TCP|UDP|SCTP)_PORT$/, port],
  [/_PORT_[0-9]+_(?:TCP|UDP|SCTP)_ADDR$/, address],
];

/**
 * Whether a variable is one of those that Kubernetes gives every container for each service of its namespace,
 * by name and value: `REGISTRY_PROXY_SERVICE_HOST=10.0.0.2` for one called `registry-proxy`.
 * @see https://kubernetes.io/docs/concepts/services-networking/service/#environment-variables
 */
export function isServiceLink(variable: string, value: string): boolean {
  return (
    /^[A-Z0-9_]+$/.test(variable) && shapes.some(([end, holds]) => end.test(variable) && holds(value.trim()))
  );
}
