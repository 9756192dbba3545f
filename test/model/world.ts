import assert from 'node:assert/strict';
import type { Digest } from '../../src/oci/digest.ts';
import { eventually } from '../support/deadline.ts';
import { byTag, MirrorFixture, readAll, target } from '../support/mirror-fixture.ts';
import { StoreCrash } from '../support/store-crash.ts';
import { ScriptedUpstream } from '../support/scripted-upstream.ts';
import { makeCatalogue, totalBytes, type Title } from './catalogue.ts';

const repository = 'library/app';
export const catalogue = makeCatalogue();
/** An empty database counts towards the limit, too. In bytes. */
const databaseBytes = 150_000;
/** Half of everything: each image fits, all of them never do. In bytes. */
const cap = databaseBytes + Math.floor(totalBytes(catalogue.flatMap(({ blobs }) => blobs)) / 2);

/** What can be seen of the cache from outside, when nothing goes on. */
export interface Sight {
  /** Sizes of the blobs that are held. */
  readonly blobs: ReadonlyMap<Digest, number>;
  /** Tags that are held. */
  readonly tags: ReadonlySet<string>;
  /** Images (not indexes) whose manifest is held, and those of them whose blobs are all held, too. */
  readonly images: ReadonlySet<Digest>;
  readonly whole: ReadonlySet<Digest>;
}

/** A mirror on real stores that can crash at any call. */
export class World implements AsyncDisposable {
  readonly #fixture: MirrorFixture;
  /** Of the stores that are open now. */
  readonly #crash: { now: StoreCrash };

  private constructor(crash: { now: StoreCrash }, fixture: MirrorFixture) {
    this.#crash = crash;
    this.#fixture = fixture;
  }

  get fixture(): MirrorFixture {
    return this.#fixture;
  }

  static async open(): Promise<World> {
    const upstream = new ScriptedUpstream();
    for (const { tag, root, images, blobs } of catalogue) {
      for (const image of images) upstream.addManifest(repository, image.bytes);
      upstream.addManifest(repository, root.bytes, tag);
      for (const { bytes } of blobs) upstream.addBlob(repository, bytes);
    }
    const crash = { now: new StoreCrash() };
    const fixture = await MirrorFixture.open({
      upstream,
      inMemory: true,
      canLogIn: false,
      space: { maxsize: { bytes: cap } },
      wrapContent: (content) => crash.now.wrap(content),
      wrapMetadata: (metadata) => crash.now.wrap(metadata),
    });
    return new World(crash, fixture);
  }

  /**
   * Pulls a tag, one of the manifests behind it, and its first `blobs` blobs, as a client does. Throws for
   * wrong bytes.
   */
  async pull({ tag, root, images }: Title, platform: number, blobs = Infinity): Promise<void> {
    const { mirror } = this.fixture;
    const asked = target(repository);
    const top = await mirror.manifest(asked, byTag(tag), 'GET');
    assert.ok(top.bytes?.equals(root.bytes), `the manifest of ${tag}`);
    const image = images[platform % images.length];
    if (image === undefined) throw new Error('a title without an image');
    if (image.digest !== root.digest) {
      const child = await mirror.manifest(asked, { digest: image.digest }, 'GET');
      assert.ok(child.bytes?.equals(image.bytes), `an image of ${tag}`);
    }
    for (const blob of [image.config, ...image.layers].slice(0, blobs)) {
      const bytes = await readAll(await mirror.openBlob(asked, blob.digest));
      assert.ok(bytes.equals(blob.bytes), `a blob of ${tag}`);
    }
  }

  async remove({ tag }: Title): Promise<void> {
    await this.fixture.mirror.remove(target(repository), byTag(tag));
  }

  pattern({ tag }: Title): string {
    return `docker.io/${repository}:${tag}`;
  }

  /** Crashes after so many more calls to the stores while `work` goes on, and starts again. */
  async crash(calls: number, work: () => Promise<unknown>): Promise<void> {
    const crash = this.#crash.now;
    crash.after(calls);
    await Promise.race([
      work().catch(() => undefined),
      eventually(60_000, 'the crash', () => crash.happened).catch(() => undefined),
    ]);
    crash.after(0);
    await crash.closeFiles();
    this.#crash.now = new StoreCrash();
    await this.fixture.crash();
  }

  /**
   * Looks when all is at rest, and checks what must hold whatever has happened: files, rows and accounts
   * agree, within the limit.
   */
  async look(): Promise<Sight> {
    await this.fixture.settled();
    const { content, metadata } = this.fixture;
    const all = async (): Promise<boolean> => (await content.unrecorded()).length === 0;
    await eventually(60_000, 'everything to be recorded', all);
    // What a start after a crash finds counts towards the limit from then on only.
    await this.fixture.settled();
    await eventually(
      10_000,
      'the bytes to go',
      async () => (await metadata.evictions.condemned(1)).length === 0,
    );
    if ((await this.#used()) > cap) {
      // It was found out a moment ago that nothing could go, and is not tried again for some seconds.
      await this.fixture.clock.advance(15_000);
      await this.fixture.settled();
    }
    const files = new Map<Digest, number>();
    for await (const { digest, size } of content.list()) files.set(digest, size);
    const blobs = new Map<Digest, number>();
    for (let page = await metadata.inventory.blobs(undefined, 100); page.length > 0;) {
      for (const { digest, size } of page) blobs.set(digest, size);
      page = await metadata.inventory.blobs(page.at(-1)?.digest, 100);
    }
    assert.deepEqual(files, blobs, 'files and rows');
    const usage = await metadata.evictions.usage();
    const bytes = [...blobs.values()].reduce((sum, size) => sum + size, 0);
    assert.deepEqual([usage.bytes, usage.blobs], [bytes, blobs.size], 'the account');
    const used = await this.#used();
    assert.ok(used <= cap, `${used} bytes in all, more than ${cap}`);

    const { upstream, name } = { upstream: this.fixture.upstream.name, name: target(repository).name };
    const tags = new Set<string>();
    const images = new Set<Digest>();
    for (const { tag, root, images: platforms } of catalogue) {
      if ((await metadata.tag({ upstream, name }, asTag(tag))) !== undefined) {
        tags.add(tag);
        const pointedTo = await metadata.manifest({ upstream, name }, root.digest);
        assert.ok(pointedTo, `what ${tag} points to is held`);
      }
      for (const { digest } of platforms) {
        if ((await metadata.manifest({ upstream, name }, digest)) !== undefined) images.add(digest);
      }
    }
    const whole = catalogue
      .flatMap((title) => title.images)
      .filter(({ digest }) => images.has(digest))
      .filter(({ config, layers }) => [config, ...layers].every(({ digest }) => blobs.has(digest)));
    return { blobs, tags, images, whole: new Set(whole.map(({ digest }) => digest)) };
  }

  async #used(): Promise<number> {
    const { bytes, databaseBytes: database } = await this.fixture.metadata.evictions.usage();
    return bytes + database;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.fixture[Symbol.asyncDispose]();
  }
}

function asTag(text: string) {
  const reference = byTag(text);
  if (!('tag' in reference)) throw new Error(`not a tag: ${text}`);
  return reference.tag;
}
