import type { Digest } from '../oci/digest.ts';
import { ManifestSyntaxError, readDocument, type ReferrerDescriptor } from '../oci/manifest.ts';
import { mediaTypes } from '../oci/media-type.ts';
import { readReferrers } from '../oci/referrers.ts';
import { described } from './json-answer.ts';
import { mediaType, type ResponseHeaders } from './headers.ts';
import { UpstreamError } from './registry.ts';

const maxReferrers = 10_000;
const maxPages = 100;

/** The referrers of one manifest as their pages come in: without doubles, in the order upstream gives. */
export class ReferrerPages {
  readonly #descriptors = new Map<Digest, ReferrerDescriptor>();
  #pages = 0;

  get descriptors(): readonly ReferrerDescriptor[] {
    return [...this.#descriptors.values()];
  }

  /** Whether as much has come as is taken. */
  get full(): boolean {
    return this.#descriptors.size >= maxReferrers || this.#pages >= maxPages;
  }

  /**
   * Takes a page; false for a first one that is not even called an index, as the web page of a registry
   * without the API.
   * @throws {UpstreamError} `invalid` for anything else that is no index of descriptors
   */
  add(bytes: Buffer, host: string, headers: ResponseHeaders): boolean {
    const listed = referrers(bytes, host);
    const isCalledIndex = mediaType(headers) === mediaTypes.ociIndex;
    if (listed === undefined && this.#pages === 0 && !isCalledIndex) return false;
    if (listed === undefined) {
      const looks = described(headers, bytes);
      throw new UpstreamError('invalid', `${host}: the list of referrers is not an index: ${looks}`);
    }
    this.#pages += 1;
    for (const descriptor of listed) {
      if (this.#descriptors.size < maxReferrers) this.#descriptors.set(descriptor.digest, descriptor);
    }
    return true;
  }
}

/** Undefined for what is not even meant as an index. */
function referrers(bytes: Buffer, host: string): readonly ReferrerDescriptor[] | undefined {
  try {
    return isIndex(bytes) ? readReferrers(bytes) : undefined;
  } catch (cause) {
    if (!(cause instanceof ManifestSyntaxError)) throw cause;
    throw new UpstreamError('invalid', `${host}: the list of referrers: ${cause.message}`, { cause });
  }
}

function isIndex(bytes: Buffer): boolean {
  try {
    return 'manifests' in readDocument(bytes);
  } catch {
    return false;
  }
}
