import type { Clock } from '../base/clock.ts';
import { systemClock } from '../base/system-clock.ts';
import { StopSignal } from './stop-signal.ts';
import { withoutControls, type Terminal } from './terminal.ts';

/** What a command runs with. */
export interface CommandContext {
  readonly terminal: Terminal;
  readonly clock: Clock;
  /** Aborts when the user wants the command to end. */
  readonly interrupted: AbortSignal;
}

/** The context of a command of this process, which a signal ends. */
export function commandContext(terminal: Terminal): CommandContext {
  const interrupted = new AbortController();
  void new StopSignal(process).received.then((signal) => interrupted.abort(new Error(signal)));
  return { terminal: withoutControls(terminal), clock: systemClock(), interrupted: interrupted.signal };
}
