import type { UpstreamName } from '../oci/reference.ts';
import { UpstreamError, type UpstreamRegistry } from './registry.ts';
import { codeOf } from './transport-error.ts';

/** What a method is given. */
type Arguments<Method extends Exclude<keyof UpstreamRegistry, 'name'>> = Parameters<UpstreamRegistry[Method]>;

/** An upstream whose client is made when it is first asked something. Where that fails, it is tried again with the next request. */
export class LazyRegistry implements UpstreamRegistry {
  readonly name: UpstreamName;
  readonly #make: () => Promise<UpstreamRegistry>;
  #made: Promise<UpstreamRegistry> | undefined;
  #closed = false;

  constructor(name: UpstreamName, make: () => Promise<UpstreamRegistry>) {
    this.name = name;
    this.#make = make;
  }

  async headManifest(...args: Arguments<'headManifest'>) {
    return (await this.#registry()).headManifest(...args);
  }

  async getManifest(...args: Arguments<'getManifest'>) {
    return (await this.#registry()).getManifest(...args);
  }

  async headBlob(...args: Arguments<'headBlob'>) {
    return (await this.#registry()).headBlob(...args);
  }

  async openBlob(...args: Arguments<'openBlob'>) {
    return (await this.#registry()).openBlob(...args);
  }

  async listTags(...args: Arguments<'listTags'>) {
    return (await this.#registry()).listTags(...args);
  }

  async referrers(...args: Arguments<'referrers'>) {
    return (await this.#registry()).referrers(...args);
  }

  async search(...args: Arguments<'search'>) {
    return (await this.#registry()).search(...args);
  }

  /** Closes the client, if there is one; what is asked later rejects. */
  async close(): Promise<void> {
    this.#closed = true;
    const made = await this.#made?.catch(() => undefined);
    await made?.close();
  }

  #registry(): Promise<UpstreamRegistry> {
    if (this.#made === undefined && this.#closed) {
      return Promise.reject(new UpstreamError('aborted', `${this.name}: the client is closed`));
    }
    return (this.#made ??= this.#tryToMake());
  }

  async #tryToMake(): Promise<UpstreamRegistry> {
    try {
      return await this.#make();
    } catch (cause) {
      // Such as running out of file descriptors: the next request may succeed.
      this.#made = undefined;
      const message = `${this.name}: its client could not be made (${codeOf(cause)})`;
      throw new UpstreamError('unavailable', message, { cause });
    }
  }
}
