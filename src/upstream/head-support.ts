import { isWithin, type Clock } from '../base/clock.ts';
import { getOrMake } from '../base/get-or-make.ts';
import { dockerHubHosts } from '../oci/docker-hub.ts';
import { UpstreamError } from './registry.ts';

/** How long a registry is asked by GET without a try of HEAD, in milliseconds. */
const withoutHeadMs = 60 * 60 * 1000;

/** Refusals of HEAD in a row, each of something that GET gave, after which HEAD is of no use. */
const maxRefusals = 3;

/** Statuses that are about the method, whatever was asked for. */
const refusesMethod: ReadonlySet<number> = new Set([405, 501]);

/** Statuses that say when to come back, and so nothing of the method. */
const refusesNow: ReadonlySet<number> = new Set([408, 429]);

/** What is asked for by HEAD. */
export type HeadNoun = 'manifest' | 'blob';

interface HeadSupportDeps {
  readonly clock: Clock;
  /** Whether HEAD is known to work before it was tried. */
  readonly works: boolean;
  /** Statuses that are doubted even where HEAD works, besides 405 and 501. */
  readonly doubted: ReadonlySet<number>;
}

/**
 * Whether a registry's HEAD is to be believed. Some refuse the method (405, 501), or answer it with a refusal
 * (400, 401, 403, 404, 503) of what they give to GET. So what HEAD refuses is asked for by GET, until HEAD
 * was seen to work: then its refusals count, since a GET may be a counted pull and clients ask for many
 * absent tags (`.sig`, `.att`). Where HEAD is of no use, GET comes first for an hour.
 */
export class HeadSupport {
  readonly #deps: HeadSupportDeps;
  #works: boolean;
  #refusals = 0;
  /** Milliseconds since the epoch. */
  #uselessAt: number | undefined;

  constructor(deps: HeadSupportDeps) {
    this.#deps = deps;
    this.#works = deps.works;
  }

  /**
   * The outcome of `head`, or of `get` where HEAD is of no use or its refusal in doubt.
   * @param isRight whether an answer shows that HEAD works: a login page does not
   * @throws {UpstreamError} what GET was refused with, if it was asked
   */
  async ask<T>(
    head: () => Promise<T>,
    get: () => Promise<T>,
    isRight: (answer: T) => boolean = () => true,
  ): Promise<T> {
    if (isWithin(this.#deps.clock, withoutHeadMs, this.#uselessAt)) return get();
    let refusal: UpstreamError;
    try {
      const answer = await head();
      if (isRight(answer)) {
        this.#works = true;
        this.#refusals = 0;
      }
      return answer;
    } catch (error) {
      if (!(error instanceof UpstreamError) || !this.#isDoubted(error)) throw error;
      refusal = error;
    }
    const isAboutMethod = refusesMethod.has(refusal.status ?? 0);
    try {
      const answer = await get();
      this.#refused(isAboutMethod);
      return answer;
    } catch (error) {
      // A GET that has to wait says nothing of what HEAD was refused for.
      const waits = error instanceof UpstreamError && error.kind === 'rate-limited';
      throw waits && !isAboutMethod ? refusal : error;
    }
  }

  /** Notes that GET has given what HEAD was refused. */
  #refused(isAboutMethod: boolean): void {
    this.#refusals += 1;
    const isUseless = (isAboutMethod && !this.#works) || this.#refusals >= maxRefusals;
    if (isUseless) this.#uselessAt = this.#deps.clock.now();
  }

  #isDoubted({ status, isOfLogin }: UpstreamError): boolean {
    if (status === undefined || status < 400 || refusesNow.has(status)) return false;
    if (this.#deps.doubted.has(status)) return true;
    return !isOfLogin && (refusesMethod.has(status) || !this.#works);
  }
}

/** A GET of a blob's first byte costs no more than a HEAD, and storage may refuse HEAD for some blobs only. */
const doubted: Readonly<Record<HeadNoun, ReadonlySet<number>>> = {
  manifest: new Set(),
  blob: new Set([400, 401, 403]),
};

/** What is known of HEAD at one upstream's registries, shared by its clients. */
export class HeadSupports {
  readonly #clock: Clock;
  readonly #known = new Map<string, HeadSupport>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  of(noun: HeadNoun, registry: URL): HeadSupport {
    // Docker Hub's HEAD works, and its pulls are counted: not one is spent on a doubt.
    const works = dockerHubHosts.has(registry.host);
    const make = () => new HeadSupport({ clock: this.#clock, works, doubted: doubted[noun] });
    return getOrMake(this.#known, `${noun} ${registry.href}`, make);
  }
}
