import type { ControlServices } from '../../src/control/services.ts';
import { FakeCaretaker } from './fake-caretaker.ts';
import { FakeImageSource } from './fake-image-source.ts';

/** Services that do as a test says. */
export class FakeServices implements ControlServices {
  readonly caretaker = new FakeCaretaker();
  readonly transfer = { source: new FakeImageSource() };
}
