import { Child } from '../../support/child.ts';

/** Runs a program where there is no network interface but the loopback one. */
export function inEmptyNetwork(...program: readonly string[]): Child {
  return new Child('unshare', ['--net', 'sh', '-c', 'ip link set lo up && exec "$0" "$@"', ...program]);
}
