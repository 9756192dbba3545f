import { randomBytes } from 'node:crypto';
import { contentAnswer, errorAnswer, type Answer } from './fake-answer.ts';
import type { FakeContent } from './fake-content.ts';
import type { FakeRequest } from './fake-listener.ts';

/** Milliseconds for which a signed URL is good. */
const urlLifetime = 20 * 60 * 1000;

interface Signature {
  readonly path: string;
  /** Seconds since the epoch, as in the URL. */
  readonly expires: number;
}

/**
 * The CDN behind Docker Hub: signed URLs on a host of its own, ranges, and 400 to whoever shows an
 * Authorization.
 */
export class FakeCdn {
  readonly #content: FakeContent;
  readonly #now: () => number;
  readonly #signatures = new Map<string, Signature>();

  constructor(content: FakeContent, now: () => number) {
    this.#content = content;
    this.#now = now;
  }

  /** A new signed path for a blob. */
  sign(digest: string): string {
    const hex = digest.slice(digest.indexOf(':') + 1);
    const path = `/registry-v2/docker/registry/v2/blobs/sha256/${hex.slice(0, 2)}/${hex}/data`;
    const expires = Math.floor((this.#now() + urlLifetime) / 1000);
    const signature = randomBytes(32).toString('base64url');
    this.#signatures.set(signature, { path, expires });
    return `${path}?expires=${expires}&signature=${signature}`;
  }

  /** The digest that a path of this CDN asks for. */
  digest(path: string): string | undefined {
    const hex = /\/sha256\/[a-f0-9]{2}\/([a-f0-9]{64})\/data$/.exec(path)?.[1];
    return hex === undefined ? undefined : `sha256:${hex}`;
  }

  /** The URL asked for is never good again. */
  revoke(request: FakeRequest): void {
    this.#signatures.delete(request.query.get('signature') ?? '');
  }

  answer(request: FakeRequest): Answer {
    if (request.headers.authorization !== undefined) {
      return errorAnswer(400, 'InvalidArgument', 'Only one auth mechanism allowed');
    }
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      return errorAnswer(405, 'MethodNotAllowed', 'method not allowed');
    }
    const signature = this.#signatures.get(request.query.get('signature') ?? '');
    const good =
      signature?.path === request.path &&
      request.query.get('expires') === String(signature.expires) &&
      signature.expires * 1000 > this.#now();
    if (!good) return errorAnswer(403, 'AccessDenied', 'Request has expired');
    const digest = this.digest(request.path);
    const bytes = digest === undefined ? undefined : this.#content.blob(digest);
    if (digest === undefined || bytes === undefined) return errorAnswer(404, 'NoSuchKey', 'no such key');
    return contentAnswer({
      bytes,
      digest,
      range: request.headers.range,
      ifNoneMatch: request.headers['if-none-match'],
      headers: { 'accept-ranges': 'bytes', 'content-type': 'application/octet-stream' },
    });
  }
}
