import { constants } from 'node:os';

const signals = ['SIGTERM', 'SIGINT'] as const;

/** SIGINT and SIGTERM: the first stops the mirror in good order, a second one ends the process at once. */
export class StopSignal {
  readonly received: Promise<NodeJS.Signals>;

  constructor(process: NodeJS.Process) {
    const { promise, resolve } = Promise.withResolvers<NodeJS.Signals>();
    this.received = promise;
    let asked = false;
    const onSignal = (signal: NodeJS.Signals): void => {
      // As the shell counts a process that a signal ended.
      if (asked) process.exit(128 + constants.signals[signal]);
      asked = true;
      resolve(signal);
    };
    for (const signal of signals) process.on(signal, onSignal);
  }
}
