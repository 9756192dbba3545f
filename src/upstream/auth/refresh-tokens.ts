import { LRUCache } from 'lru-cache';

const maxTokens = 100;

/**
 * The refresh tokens that token services gave out in place of the configured ones. They are kept in memory only: what is
 * configured is the operator's to change.
 */
export class RefreshTokens {
  readonly #newest = new LRUCache<string, string>({ max: maxTokens });

  /** What to send to `realm` for the configured `identityToken`. */
  current(realm: URL, identityToken: string): string {
    return this.#newest.get(identify(realm, identityToken)) ?? identityToken;
  }

  rotate(realm: URL, identityToken: string, next: string): void {
    this.#newest.set(identify(realm, identityToken), next);
  }

  /** Forgets a token that was refused; a newer one stays. */
  forget(realm: URL, identityToken: string, refused: string): void {
    const id = identify(realm, identityToken);
    if (this.#newest.peek(id) === refused) this.#newest.delete(id);
  }
}

function identify(realm: URL, identityToken: string): string {
  return JSON.stringify([realm.href, identityToken]);
}
