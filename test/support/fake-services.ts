import type { ControlServices } from '../../src/control/services.ts';
import { FakeCaretaker } from './fake-caretaker.ts';

/** Services that do as a test says. */
export class FakeServices implements ControlServices {
  readonly caretaker = new FakeCaretaker();
}
