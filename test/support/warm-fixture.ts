import { pino } from 'pino';
import { startEntrepot, type RunningEntrepot } from '../../src/assembly/server.ts';
import { servicesFor } from '../../src/assembly/services.ts';
import { systemClock } from '../../src/base/system-clock.ts';
import type { Config } from '../../src/config/config.ts';
import { loadConfig } from '../../src/config/load.ts';
import type { WarmedImage, WarmEvent, WarmOptions } from '../../src/mirror/warm/schemas.ts';
import { ask, verdict } from './ask.ts';
import { writeConfigurationFile, type Sections } from './configuration-file.ts';
import { FakeHub, type FakeHubOptions } from './fake-hub.ts';
import type { Content, Image } from './image.ts';
import { logLines } from './log-lines.ts';
import { TempFolder } from './temp-folder.ts';

export interface WarmFixtureOptions {
  /** Whether a server has the cache. */
  readonly serves: boolean;
  readonly hub?: FakeHubOptions;
  /** Keys of `proxy` besides the URL. */
  readonly proxy?: Sections;
  /** Keys of `storage` besides the folder. */
  readonly storage?: Sections;
}

/** What became of one command. */
export interface Warmed {
  readonly events: readonly WarmEvent[];
  readonly images: readonly WarmedImage[];
  readonly report: Extract<WarmEvent, { readonly type: 'report' }>['report'];
}

/** A cache whose upstream is a {@link FakeHub}, to be warmed by commands beside its server or without one. */
export class WarmFixture implements AsyncDisposable {
  readonly hub: FakeHub;
  /** The configuration file, for commands in processes of their own. */
  readonly file: string;
  readonly #config: Config;
  readonly #closing: AsyncDisposableStack;
  readonly #log = logLines('info');
  #server: RunningEntrepot | undefined;

  private constructor(hub: FakeHub, file: string, config: Config, closing: AsyncDisposableStack) {
    this.hub = hub;
    this.file = file;
    this.#config = config;
    this.#closing = closing;
  }

  static async open({ serves, hub: hubOptions, proxy, storage }: WarmFixtureOptions): Promise<WarmFixture> {
    await using closing = new AsyncDisposableStack();
    const hub = closing.use(await FakeHub.start(hubOptions));
    const folder = closing.use(await TempFolder.create());
    const file = await writeConfigurationFile(folder, {
      http: { addr: '127.0.0.1:0', draintimeout: '2s' },
      proxy: { remoteurl: hub.url, ...proxy },
      storage: { filesystem: { rootdirectory: folder.join('data') }, minfree: 0, ...storage },
    });
    const { config } = loadConfig({ file, environment: {} });
    const fixture = new WarmFixture(hub, file, config, closing.move());
    if (serves) await fixture.serve();
    return fixture;
  }

  /** What the server has logged. */
  get log(): readonly Record<string, unknown>[] {
    return this.#log.lines;
  }

  /** The server's origin; it is started if it does not run. */
  async serve(): Promise<string> {
    const { logger } = this.#log;
    this.#server ??= await startEntrepot(this.#config, { clock: systemClock(), logger });
    return this.#server.addresses[0] ?? '';
  }

  async stop(): Promise<void> {
    await this.#server?.[Symbol.asyncDispose]();
    this.#server = undefined;
  }

  /** Warms images for linux/amd64, as a command would, and tells of events as they come. */
  async warm(
    images: readonly string[],
    {
      platforms = 'linux/amd64',
      optional = null,
      onEvent,
      ...options
    }: Partial<Omit<WarmOptions, 'images'>> & {
      readonly platforms?: string;
      readonly optional?: string | null;
      /** Returns whether to go on. */
      readonly onEvent?: (event: WarmEvent) => boolean;
    } = {},
  ): Promise<Warmed> {
    await using opened = await servicesFor(this.#config, {
      clock: systemClock(),
      logger: pino({ level: 'silent' }),
      signal: new AbortController().signal,
    });
    const wanted = images.map((reference) => ({ reference, platforms, optional }));
    const events: WarmEvent[] = [];
    const warming = opened.services.warmer.warm({
      images: wanted,
      referrers: false,
      pin: false,
      ...options,
    });
    for await (const event of warming) {
      events.push(event);
      if (onEvent?.(event) === false) break;
    }
    const report = events.flatMap((event) => (event.type === 'report' ? [event.report] : []))[0];
    return {
      events,
      images: events.flatMap((event) => (event.type === 'image' ? [event.image] : [])),
      report: report ?? { images: 0, failed: 0, absent: 0, fetchedBytes: 0, heldBytes: 0 },
    };
  }

  /** The images that are cached and pinned, by what pins them. */
  async listing(): Promise<readonly { readonly image: string; readonly pinnedBy: string | null }[]> {
    await using opened = await servicesFor(this.#config, {
      clock: systemClock(),
      logger: pino({ level: 'silent' }),
      signal: new AbortController().signal,
    });
    const images = await Array.fromAsync(opened.services.caretaker.images());
    return images.map(({ image, pinnedBy }) => ({ image, pinnedBy }));
  }

  /** What a client makes of a manifest, by digest unless a tag is given, or of a blob. */
  async get(
    repository: string,
    kind: 'manifests' | 'blobs',
    content: Content,
    tag?: string,
  ): Promise<string> {
    const url = await this.serve();
    const answer = await ask(url, `/v2/${repository}/${kind}/${tag ?? content.digest}`);
    return verdict(answer, content.bytes);
  }

  /** What a client gets of all of an image. */
  async pull(repository: string, image: Image): Promise<readonly string[]> {
    const blobs = [image.config, ...image.layers];
    return [
      await this.get(repository, 'manifests', image),
      ...(await Promise.all(blobs.map((blob) => this.get(repository, 'blobs', blob)))),
    ];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    await this.#closing.disposeAsync();
  }
}
