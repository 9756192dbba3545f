import { createHash } from 'node:crypto';
import { request, type Dispatcher } from 'undici';
import { mediaTypes } from '../../src/oci/media-type.ts';
import type { Descriptor } from '../../src/oci/manifest.ts';
import type { Content } from '../support/image.ts';
import type { Title } from './library.ts';

/** How an exchange ended: with the right bytes, with an error that is no lie, or before its end. */
export type Outcome = 'right' | 'refused' | 'broken' | 'left';

/** What the clients have open at the moment, by digest; for whoever measures how much may be in flight. */
export interface InFlight {
  begin(content: Descriptor): () => void;
}

export interface PullOptions {
  readonly origin: string;
  readonly dispatcher: Dispatcher;
  readonly inFlight: InFlight;
  readonly random: () => number;
  /** Gives up all that is under way. */
  readonly signal: AbortSignal;
}

const accept = Object.values(mediaTypes).join(', ');

/** Raised for what must never be: a complete answer that is wrong. */
class WrongBytes extends Error {
  override readonly name = 'WrongBytes';
}

/**
 * Pulls one image as clients do: the tag, the platform's manifest, then its blobs, some at a time, some of
 * them by halves.
 */
export async function pull(title: Title, options: PullOptions): Promise<readonly Outcome[]> {
  const { random } = options;
  const base = `/v2/${title.repository}`;
  const image = title.images[Math.floor(random() * title.images.length)];
  if (image === undefined) throw new Error('a title without an image');
  const outcomes: Outcome[] = [await get(`${base}/manifests/${title.tag}`, title.root, options)];
  if (title.root.digest !== image.digest) {
    outcomes.push(await get(`${base}/manifests/${image.digest}`, image, options));
  }
  if (outcomes.some((outcome) => outcome !== 'right')) return outcomes;
  const blobs = [image.config, ...image.layers];
  const lanes = [blobs.filter((_, index) => index % 2 === 0), blobs.filter((_, index) => index % 2 === 1)];
  await Promise.all(
    lanes.map(async (lane) => {
      for (const blob of lane) outcomes.push(await get(`${base}/blobs/${blob.digest}`, blob, options));
    }),
  );
  return outcomes;
}

async function get(path: string, content: Content, options: PullOptions): Promise<Outcome> {
  const { origin, dispatcher, inFlight, random, signal } = options;
  const chance = random();
  const from = chance < 0.1 ? Math.floor(random() * content.size) : 0;
  const leaveAfter = chance > 0.93 ? Math.floor(random() * content.size) : undefined;
  const end = inFlight.begin(content);
  try {
    const { statusCode, body } = await request(origin + path, {
      dispatcher,
      signal,
      headers: { accept, ...(from > 0 && { range: `bytes=${from}-` }) },
    });
    if (statusCode >= 400) {
      await body.dump();
      return 'refused';
    }
    const chunks: Buffer[] = [];
    let length = 0;
    for await (const chunk of body) {
      const bytes = chunk as Buffer;
      chunks.push(bytes);
      length += bytes.length;
      // Ending the loop early destroys the connection.
      if (leaveAfter !== undefined && length > leaveAfter) return 'left';
    }
    const right = statusCode === 206 ? content.bytes.subarray(from) : content.bytes;
    const bytes = Buffer.concat(chunks, length);
    if (!bytes.equals(right)) {
      const got = createHash('sha256').update(bytes).digest('hex');
      throw new WrongBytes(`${path}: status ${statusCode}, ${length} bytes that hash to ${got}`);
    }
    return 'right';
  } catch (error) {
    if (error instanceof WrongBytes) throw error;
    return 'broken';
  } finally {
    end();
  }
}
