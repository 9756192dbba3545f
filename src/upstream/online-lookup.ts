import type { LookupFunction } from 'node:net';
import type { Connectivity } from './connectivity.ts';

/** Looks names up unless the mirror is offline. If it goes offline meanwhile, no connection follows. */
export function onlineLookup(
  lookup: LookupFunction,
  connectivity: Pick<Connectivity, 'isOffline'>,
): LookupFunction {
  return (hostname, options, callback) => {
    if (connectivity.isOffline) {
      process.nextTick(() => callback(offlineFailure(), ''));
      return;
    }
    lookup(hostname, options, (error, ...answer) => {
      if (error === null && connectivity.isOffline) callback(offlineFailure(), '');
      else callback(error, ...answer);
    });
  };
}

function offlineFailure(): NodeJS.ErrnoException {
  return Object.assign(new Error('the mirror is offline'), { code: 'EOFFLINE' });
}
