import type { ImageSource } from './image-source.ts';
import { LocalImageSource, type LocalImageSourceDeps } from './local-image-source.ts';

/** How content leaves a cache, for archives and other registries. */
export interface Transfer {
  readonly source: ImageSource;
}

/** In the process that has the data folder. */
export function composeTransfer(deps: LocalImageSourceDeps): Transfer {
  return { source: new LocalImageSource(deps) };
}
