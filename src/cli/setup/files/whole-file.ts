import { EditConflict, type Edit, type Edited } from './edit.ts';

/** A file that is Entrepot's own from the first byte to the last. */
export class WholeFile implements Edit {
  readonly kind = 'whole';
  readonly shown: string;

  constructor(text: string) {
    this.shown = text;
  }

  apply(text: string | undefined): Edited {
    if (text !== undefined && text !== this.shown) {
      throw new EditConflict('is there already, with other content');
    }
    return { text: this.shown, added: [] };
  }
}
