import { expect, test } from 'vitest';
import { ask, verdict } from '../support/ask.ts';
import { eventually, within } from '../support/deadline.ts';
import { EntrepotProcess } from '../support/entrepot-process.ts';
import { FakeHub } from '../support/fake-hub.ts';
import { makeImage, type Image } from '../support/image.ts';
import { randomNumbers } from '../support/random-numbers.ts';
import { noPartialBlobs } from '../support/store-folder.ts';
import { repeats } from '../support/depth.ts';

const kills = repeats(10, 50);
/** Chains of kills and restarts that run side by side, each with a hub and a folder of its own. */
const chains = 2;
const clients = 3;
const repository = 'library/hello';
/** The size in bytes of an image's blobs, all together. */
const imageBytes = 1_500_000 + 400_000 + 100_000 + 5000;

function imageOf(seed: number): Image {
  return makeImage({ layers: [1_500_000, 400_000, 100_000, 5000], seed });
}

/**
 * What one client makes of each part of an image; `gone` where not even an answer began. Throws for wrong
 * bytes.
 */
async function pull(url: string, tag: string, image: Image): Promise<readonly string[]> {
  const get = async (path: string, bytes: Buffer): Promise<string> => {
    let answer;
    try {
      answer = await ask(url, path);
    } catch {
      return 'gone';
    }
    return verdict(answer, bytes);
  };
  const manifest = await get(`/v2/${repository}/manifests/${tag}`, image.bytes);
  const blobs = [image.config, ...image.layers].map(({ digest, bytes }) =>
    get(`/v2/${repository}/blobs/${digest}`, bytes),
  );
  return [manifest, ...(await Promise.all(blobs))];
}

/**
 * Pulls with several clients and kills Entrepot when upstream has sent so many more bytes, or when all is
 * pulled.
 */
async function killDuringPull(
  entrepot: EntrepotProcess,
  hub: FakeHub,
  { tag, image, afterBytes }: { readonly tag: string; readonly image: Image; readonly afterBytes: number },
): Promise<readonly string[]> {
  const contents = [image.config, ...image.layers];
  const sent = (): number => contents.reduce((sum, { digest }) => sum + hub.bytesSent(digest), 0);
  const end = sent() + afterBytes;
  let over = false;
  const pulls = Promise.all(Array.from({ length: clients }, () => pull(entrepot.url, tag, image))).finally(
    () => {
      over = true;
    },
  );
  await eventually(60_000, `${afterBytes} bytes more from upstream`, () => over || sent() >= end);
  entrepot.signal('SIGKILL');
  await entrepot.exited();
  return (await within(60_000, 'the end of the pulls', pulls)).flat();
}

test.concurrent.each(Array.from({ length: chains }, (_, chain) => chain))(
  `killed at ${kills / chains} random moments of pulls, it is right after each restart and leaves nothing half done (chain %d)`,
  { timeout: 240_000 },
  async () => {
    const seed = Math.floor(Math.random() * 2 ** 31);
    const random = randomNumbers(seed);
    await using hub = await FakeHub.start({ sharedBytesPerSecond: 20_000_000 });
    await using entrepot = await EntrepotProcess.start({ remoteUrl: hub.url });
    const whole = Array<string>(6).fill('right');
    const images: Image[] = [];
    for (let killed = 0; killed < kills / chains;) {
      const tag = `v${images.length}`;
      const image = imageOf(images.length);
      images.push(image);
      hub.addImage(repository, tag, image);
      // Some pulls meet a second crash on the way back from the first.
      const crashes = Math.min(random() < 0.3 ? 2 : 1, kills / chains - killed);
      for (let crash = 0; crash < crashes; crash += 1) {
        const afterBytes = Math.floor(random() * imageBytes * 1.05);
        const moment = `seed ${seed}, kill ${killed}, after ${afterBytes} bytes`;
        const verdicts = await killDuringPull(entrepot, hub, { tag, image, afterBytes });
        const allowed = verdicts.every((verdict) => ['right', 'cut', 'gone'].includes(verdict));
        expect(allowed, `${moment}: ${verdicts.join(', ')}`).toBe(true);
        await entrepot.restart();
        killed += 1;
      }
      expect(await pull(entrepot.url, tag, image), `seed ${seed}, after kill ${killed}`).toEqual(whole);
      await noPartialBlobs(entrepot.data);
    }

    const resumed = hub.requests.filter(
      ({ server, headers }) => server === 'cdn' && headers.range !== undefined,
    );
    expect(resumed.length, 'downloads that went on where a crash had left them').toBeGreaterThan(0);
    entrepot.signal('SIGKILL');
    await entrepot.exited();
    hub.down();
    await entrepot.restart();
    for (const [index, image] of images.entries()) {
      expect(await pull(entrepot.url, `v${index}`, image), `seed ${seed}, image ${index}`).toEqual(whole);
    }
  },
);
