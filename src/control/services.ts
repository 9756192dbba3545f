import type { Caretaker } from '../cache/care/caretaker.ts';

/** What commands have done: by the server that has the data folder, or in the command's own process. */
export interface ControlServices {
  readonly caretaker: Caretaker;
}
