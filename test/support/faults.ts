/** What a fault applies to: a kind of request to the registry, or the other two servers. */
export type FaultTarget = 'ping' | 'manifest' | 'blob' | 'tags' | 'referrers' | 'token' | 'cdn';

/** How an answer goes wrong. Bytes count body bytes of one answer, unless said otherwise. */
export type FaultKind =
  /** The connection closes after so many bytes of the body. */
  | { readonly kind: 'cut'; readonly afterBytes: number }
  /** The connection is reset before any answer. */
  | { readonly kind: 'reset' }
  /**
   * One byte is wrong; `atByte` is its position in the whole content, also when only a range of it is sent.
   */
  | { readonly kind: 'corrupt'; readonly atByte: number }
  | { readonly kind: 'slow'; readonly bytesPerSecond: number }
  /** The answer comes `ms` milliseconds late. */
  | { readonly kind: 'delay'; readonly ms: number }
  /** The request is read and never answered. */
  | { readonly kind: 'hang' }
  /** The answer stops after so many bytes; the connection stays open. */
  | { readonly kind: 'hang-body'; readonly afterBytes: number }
  /** The answer waits for the test: as a whole, or with `afterBytes` after so many bytes. */
  | { readonly kind: 'hold'; readonly until: Promise<unknown>; readonly afterBytes?: number }
  | {
      readonly kind: 'status';
      readonly status: number;
      readonly code?: string;
      readonly message?: string;
      readonly headers?: Readonly<Record<string, string>>;
    }
  /** All tokens issued so far become invalid. */
  | { readonly kind: 'expired-token' }
  /** The signed URL asked for is expired for good: 403. */
  | { readonly kind: 'expired-url' }
  /** 200 with the whole content, whatever range was asked for. */
  | { readonly kind: 'ignore-range' }
  /** That status to whoever asks for a range. */
  | { readonly kind: 'refuse-range'; readonly status: number }
  /** Content-Range claims to start `shift` bytes from where the body starts. */
  | { readonly kind: 'wrong-content-range'; readonly shift: number }
  /** Content-Length is off by `delta`. */
  | { readonly kind: 'wrong-content-length'; readonly delta: number }
  /** Chunked transfer coding. */
  | { readonly kind: 'no-content-length' }
  /** A body that is a valid manifest, but not the one its digest names. */
  | { readonly kind: 'wrong-manifest' }
  | { readonly kind: 'redirect'; readonly location: string };

/**
 * A fault and the requests that it hits. Faults that show in a body pass over HEAD; faults of ranges pass
 * over requests for the whole. On `blob`, a fault of the bytes happens where the bytes come from, be that the
 * registry or the CDN: match these by digest, since the paths differ.
 */
export type FaultSpec = FaultKind & {
  readonly on: FaultTarget | 'any';
  readonly method?: string;
  /** A pattern of the path, or a part of the path or of the digest asked for. */
  readonly match?: RegExp | string;
  /** How many requests it hits; all, if not given. */
  readonly times?: number;
};

/** What a fault is matched against. */
export interface FaultSubject {
  readonly target: FaultTarget | undefined;
  readonly method: string;
  readonly path: string;
  readonly digest: string | undefined;
  /** Whether a range is asked for. */
  readonly ranged: boolean;
}

/** A fault in force, until it has hit as often as it should or is cleared. */
export class Fault {
  readonly spec: FaultSpec;
  #hits = 0;
  #cleared = false;

  constructor(spec: FaultSpec) {
    this.spec = spec;
  }

  /** Requests hit so far. */
  get hits(): number {
    return this.#hits;
  }

  clear(): void {
    this.#cleared = true;
  }

  /** Whether it hits this request; counts it if so. */
  take(subject: FaultSubject): boolean {
    const { on, method, kind, times = Infinity } = this.spec;
    if (this.#cleared || this.#hits >= times) return false;
    if (on !== 'any' && on !== subject.target) return false;
    if (method !== undefined && method !== subject.method) return false;
    if (subject.method === 'HEAD' && changesBody(this.spec)) return false;
    if (!subject.ranged && faultsOfRanges.has(kind)) return false;
    if (!this.#matches(subject)) return false;
    this.#hits += 1;
    return true;
  }

  #matches({ path, digest }: FaultSubject): boolean {
    const { match } = this.spec;
    if (match === undefined) return true;
    if (typeof match === 'string') return path.includes(match) || digest?.includes(match) === true;
    return path.search(match) >= 0;
  }
}

const faultsOfRanges: ReadonlySet<FaultKind['kind']> = new Set([
  'ignore-range',
  'refuse-range',
  'wrong-content-range',
]);

/** Whether it shows in an answer's body, which an answer to HEAD does not have. */
function changesBody(fault: FaultKind): boolean {
  const kinds: readonly FaultKind['kind'][] = ['cut', 'corrupt', 'slow', 'hang-body', 'wrong-manifest'];
  return kinds.includes(fault.kind) || (fault.kind === 'hold' && fault.afterBytes !== undefined);
}

/** Whether it concerns whoever sends a blob's bytes, and not whoever redirects there. */
function concernsContent(fault: FaultKind): boolean {
  const kinds: readonly FaultKind['kind'][] = [
    'expired-url',
    'ignore-range',
    'refuse-range',
    'wrong-content-range',
    'wrong-content-length',
    'no-content-length',
  ];
  return changesBody(fault) || kinds.includes(fault.kind);
}

/**
 * The faults in force. One request meets one fault, the oldest that hits it: faults with `times` make a
 * sequence.
 */
export class FaultPlan {
  readonly #blobSender: 'blob' | 'cdn';
  #faults: Fault[] = [];

  /** `blobSender` is who sends the bytes of blobs: faults of these, on `blob`, happen there. */
  constructor(blobSender: 'blob' | 'cdn') {
    this.#blobSender = blobSender;
  }

  add(spec: FaultSpec): Fault {
    const moved = spec.on === 'blob' && concernsContent(spec);
    const fault = new Fault(moved ? { ...spec, on: this.#blobSender } : spec);
    this.#faults.push(fault);
    return fault;
  }

  clear(): void {
    for (const fault of this.#faults) fault.clear();
    this.#faults = [];
  }

  take(subject: FaultSubject): FaultKind | undefined {
    return this.#faults.find((fault) => fault.take(subject))?.spec;
  }
}
