import type { Digest } from '../../../oci/digest.ts';
import type { EvictionRequest } from '../../evictions.ts';
import type { EvictionDeps } from './deps.ts';
import { Images } from './images.ts';
import type { ImageName, StoredRepository } from './repositories.ts';
import type { Candidate, Queue } from './queue.ts';

/** An image whose turn it is to go. */
export interface DueImage {
  readonly kind: 'image';
  readonly root: Digest;
  /** All manifests that go, the root first. */
  readonly members: readonly Digest[];
  /** Milliseconds since the epoch. */
  readonly lastUsedAt: number;
  readonly imageName: ImageName;
}

/** A blob that no held manifest names, and whose turn it is to go. */
interface DueBlob {
  readonly kind: 'blob';
  readonly digest: Digest;
  readonly lastUsedAt: number;
}

/** `moved`: nothing goes, but something moved back. */
type Step = DueImage | DueBlob | { readonly kind: 'moved' } | { readonly kind: 'done' };

const moved: Step = { kind: 'moved' };
const done: Step = { kind: 'done' };

/**
 * Walks the queue from its head, for one request, and decides what goes. Candidates that were used since, or
 * have to stay, move back, so that a step costs no more than one image.
 */
export class Walk {
  readonly #deps: EvictionDeps;
  readonly #queue: Queue;
  readonly #request: Omit<EvictionRequest, 'bytes'>;
  readonly #images: Images;
  readonly #until: number;

  /** @param until the last position to look at: what moves back meanwhile does not come up twice */
  constructor(deps: EvictionDeps, queue: Queue, request: Omit<EvictionRequest, 'bytes'>, until: number) {
    this.#deps = deps;
    this.#queue = queue;
    this.#request = request;
    this.#images = new Images(deps.graph, queue);
    this.#until = until;
  }

  /** Looks at the head of the queue. What is due is to be taken out before the next step. */
  step(): Step {
    const head = this.#queue.head();
    if (head === undefined || head.position > this.#until) return done;
    if (head.kind === 'blob') return this.#blob(head);
    if (this.#queue.heldIn(head.digest).size > 0) return this.#image(head);
    this.#queue.skip(head);
    return moved;
  }

  #blob(head: Candidate): Step {
    const { digest } = head;
    const { position, lastUsedAt } = this.#queue.place('blob', digest);
    if (position > head.position) {
      this.#queue.moveTo(position, 'blob', [digest]);
      return moved;
    }
    if (this.#request.retention.isInUse(digest)) {
      this.#queue.moveToEnd('blob', [digest]);
      return moved;
    }
    return this.#unlessUsed(head, { kind: 'blob', digest, lastUsedAt });
  }

  #image(head: Candidate): Step {
    const ancestors = this.#images.ancestors(head.digest);
    if (this.#movedBehind(head, [head.digest], this.#youngest(ancestors))) return moved;
    const root = this.#images.root(ancestors);
    const members = [...this.#images.members(root)];
    const blobs = this.#images.blobsOfOnly(members);
    const places = [
      ...members.map((member) => this.#queue.place('manifest', member)),
      ...blobs.map((blob) => this.#queue.place('blob', blob)),
    ];
    const youngest = Math.max(...places.map(({ position }) => position));
    if (this.#movedBehind(head, members, youngest)) return moved;
    if (this.#isPinned(members) || blobs.some((blob) => this.#request.retention.isInUse(blob))) {
      this.#queue.moveToEnd('manifest', members);
      return moved;
    }
    const lastUsedAt = Math.max(...places.map((place) => place.lastUsedAt));
    const imageName = this.#deps.repositories.imageName(root, this.#request.scope);
    return this.#unlessUsed(head, { kind: 'image', root, members, lastUsedAt, imageName });
  }

  #youngest(manifests: Iterable<Digest>): number {
    let youngest = -Infinity;
    for (const manifest of manifests) {
      youngest = Math.max(youngest, this.#queue.place('manifest', manifest).position);
    }
    return youngest;
  }

  #movedBehind(head: Candidate, manifests: readonly Digest[], position: number): boolean {
    if (position <= head.position) return false;
    this.#queue.moveTo(position, 'manifest', manifests);
    return true;
  }

  #isPinned(manifests: readonly Digest[]): boolean {
    const { scope, retention } = this.#request;
    const { repositories } = this.#deps;
    const isPinned = (digest: Digest) => (stored: StoredRepository) =>
      retention.isPinned(stored.repository, repositories.tags(stored, digest), digest);
    return manifests.some((digest) => repositories.of(digest, scope).some(isPinned(digest)));
  }

  #unlessUsed(head: Candidate, due: DueImage | DueBlob): Step {
    const { before = Infinity } = this.#request;
    if (due.lastUsedAt < before) return due;
    // All that stand behind it were used later, by the same clock.
    if (due.lastUsedAt <= this.#deps.clock.now()) return done;
    // The clock was set back since, and tells nothing of those behind it.
    this.#queue.skip(head);
    return moved;
  }
}
