import { X509Certificate, type KeyObject } from 'node:crypto';

/** Longer chains are not followed. */
const maxLength = 8;

/**
 * The key of the first certificate of `chain`, if the others lead from it to one of `roots`; else undefined.
 * @param chain as in a token's `x5c`: DER in base64, the signer's first
 * @param now milliseconds since the epoch, to be within the validity of every certificate
 * @see https://www.rfc-editor.org/rfc/rfc7515#section-4.1.6
 */
export function trustedKey(
  chain: readonly string[],
  roots: readonly X509Certificate[],
  now: number,
): KeyObject | undefined {
  const [leaf, ...intermediates] = chain.slice(0, maxLength).map(parseDer);
  if (leaf === undefined) return undefined;
  const valid = (certificate: X509Certificate): boolean =>
    now >= certificate.validFromDate.getTime() && now <= certificate.validToDate.getTime();
  const rootsInForce = roots.filter(valid);
  let subject = leaf;
  for (;;) {
    if (!valid(subject)) return undefined;
    // A certificate of the bundle is trusted for what it is, also one that signs tokens itself.
    if (rootsInForce.some((root) => root.raw.equals(subject.raw) || issued(root, subject)))
      return leaf.publicKey;
    const issuer = intermediates.shift();
    if (issuer === undefined || !issued(issuer, subject)) return undefined;
    subject = issuer;
  }
}

function issued(issuer: X509Certificate, subject: X509Certificate): boolean {
  return issuer.ca && subject.checkIssued(issuer) && subject.verify(issuer.publicKey);
}

function parseDer(text: string): X509Certificate | undefined {
  try {
    return new X509Certificate(Buffer.from(text, 'base64'));
  } catch {
    return undefined;
  }
}
