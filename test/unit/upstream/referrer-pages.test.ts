import { describe, expect, it } from 'vitest';
import { digestOf } from '../../../src/oci/digest.ts';
import { ReferrerPages } from '../../../src/upstream/referrer-pages.ts';

function descriptor(text: string): object {
  return {
    mediaType: 'application/vnd.oci.image.manifest.v1+json',
    digest: digestOf(Buffer.from(text)),
    size: 7,
  };
}

function index(...manifests: readonly unknown[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, manifests }));
}

describe('ReferrerPages', () => {
  it("keeps the upstream's order, the types and annotations, and drops doubles", () => {
    const pages = new ReferrerPages();
    const signed = { ...descriptor('b'), artifactType: 'a/b', annotations: { 'org.example': 'x' } };
    expect(pages.add(index(signed, descriptor('a')), 'h', {})).toBe(true);
    expect(pages.add(index(descriptor('a'), descriptor('c')), 'h', {})).toBe(true);
    expect(pages.descriptors).toEqual([signed, descriptor('a'), descriptor('c')]);
  });

  it.each(['<html>', '', 'null', '[]', '{}', '{"errors":[]}'])('does not take %j for an index', (body) => {
    expect(new ReferrerPages().add(Buffer.from(body), 'h', {})).toBe(false);
  });

  it('fails when only a later page is none', () => {
    const pages = new ReferrerPages();
    pages.add(index(descriptor('a')), 'h', {});
    expect(() => pages.add(Buffer.from('<html>'), 'h', {})).toThrow(
      expect.objectContaining({ kind: 'invalid' }),
    );
  });

  it.each([
    { ...descriptor('a'), digest: 'sha256:../../etc' },
    { ...descriptor('a'), size: -1 },
    { ...descriptor('a'), size: '7' },
    'text',
    null,
  ])('refuses an index that lists %j', (item) => {
    expect(() => new ReferrerPages().add(index(item), 'h', {})).toThrow(
      expect.objectContaining({ kind: 'invalid', message: expect.stringMatching(/^h: /) as string }),
    );
  });

  it('keeps 16 KiB of annotations, as texts', () => {
    const annotations = { a: 'x'.repeat(10_000), b: 'y'.repeat(10_000), c: 'z', d: 7 };
    const pages = new ReferrerPages();
    pages.add(index({ ...descriptor('a'), annotations }), 'h', {});
    expect(pages.descriptors[0]?.annotations).toEqual({ a: annotations.a, c: 'z' });
  });

  it('is full after 10,000 referrers, or 100 pages', () => {
    const pages = new ReferrerPages();
    pages.add(index(...Array.from({ length: 10_001 }, (_, at) => descriptor(String(at)))), 'h', {});
    expect(pages.descriptors).toHaveLength(10_000);
    expect(pages.full).toBe(true);
    const many = new ReferrerPages();
    for (let page = 0; page < 100; page += 1) {
      expect(many.full).toBe(false);
      many.add(index(), 'h', {});
    }
    expect(many.full).toBe(true);
  });
});
