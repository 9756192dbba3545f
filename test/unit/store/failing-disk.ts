import { constants } from 'node:fs';
import promises, { open, type FileHandle } from 'node:fs/promises';
import type { FileSystem } from '../../../src/store/filesystem/file-system.ts';

export function diskError(code: string): Error {
  return Object.assign(new Error(code), { code });
}

/** The methods that every FileHandle shares, so that a test can make the disk fail under an open file. */
export async function fileHandleMethods(): Promise<FileHandle> {
  const file = await open('/dev/null', constants.O_RDONLY);
  await file.close();
  return Object.getPrototypeOf(file) as FileHandle;
}

/** The real file system, until a test makes an operation fail, or for paths of its choice. */
export class FailingDisk {
  readonly #failures = new Map<keyof FileSystem, { readonly errno: string; readonly path: RegExp }>();
  #unlinks: Promise<void> = Promise.resolve();

  /** Makes the operation fail where its first path matches. */
  fail(operation: keyof FileSystem, errno: string, path = /./u): void {
    this.#failures.set(operation, { errno, path });
  }

  /** Lets no unlink begin until the function that it returns is called. */
  holdUnlinks(): () => void {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#unlinks = promise;
    return resolve;
  }

  mend(): void {
    this.#failures.clear();
  }

  readonly files: FileSystem = new Proxy<FileSystem>(promises, {
    get: (real, name: keyof FileSystem) => {
      const failure = this.#failures.get(name);
      return async (path: string, ...rest: unknown[]): Promise<unknown> => {
        if (name === 'unlink') await this.#unlinks;
        if (failure?.path.test(path) === true) throw diskError(failure.errno);
        return Reflect.apply(real[name], real, [path, ...rest]) as unknown;
      };
    },
  });
}
