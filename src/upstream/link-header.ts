import { HeaderScanner } from './header-scanner.ts';

/**
 * One link of a `Link` header.
 * @see https://www.rfc-editor.org/rfc/rfc8288#section-3
 */
interface Link {
  /** As it is written, perhaps relative. */
  readonly target: string;
  /** Relation types in lower case; undefined when the link states none. */
  readonly relations: ReadonlySet<string> | undefined;
}

export interface LinkHeader {
  readonly links: readonly Link[];
  /** What of the header is no link; empty for a well-formed one. */
  readonly rest: string;
}

/** What is longer is cut: with the headers that are taken at all it can be no longer. */
const maxLength = 64 * 1024;

const separatorPattern = /[\s,]+/y;
/** A URL has no `<`: to look past one takes time that grows with the square of a malformed header. */
const targetPattern = /<([^<>]{0,8192})>\s*/y;
/** Without its brackets, as some registries write it and skopeo reads it. */
const bareTargetPattern = /([^\s<>,;"]{1,8192})\s*(?=;)/y;
const parameterPattern =
  /;\s*(?:([!#$%&'*+.^_`|~0-9A-Za-z-]+)\s*(?:=\s*(?:"((?:[^"\\]|\\[^])*)"|([^\s",;]*)))?)?\s*/y;
/** Anything up to the next comma outside quotes, for when nothing else fits. Always matches. */
const rubbishPattern = /((?:"(?:[^"\\]|\\[^]?)*(?:"|$)|[^,"])*)(?:,|$)/y;

/** Reads a `Link` header, its lines joined by commas. */
export function parseLinks(header: string): LinkHeader {
  const scanner = new HeaderScanner(header.slice(0, maxLength));
  const links: Link[] = [];
  let rest = '';
  while (!scanner.isAtEnd) {
    if (scanner.take(separatorPattern) !== null) continue;
    const target = (scanner.take(targetPattern) ?? scanner.take(bareTargetPattern))?.[1];
    if (target === undefined) {
      rest += scanner.take(rubbishPattern)?.[1]?.trim() ?? '';
      continue;
    }
    let relations: ReadonlySet<string> | undefined;
    for (let found = scanner.take(parameterPattern); found !== null; found = scanner.take(parameterPattern)) {
      const [, name = '', quoted, bare = ''] = found;
      // Of several, the first counts.
      if (name.toLowerCase() === 'rel') relations ??= typesOf(quoted?.replace(/\\([^])/g, '$1') ?? bare);
    }
    links.push({ target, relations });
    // Up to the comma: there is something in between only in a malformed header.
    rest += scanner.take(rubbishPattern)?.[1] ?? '';
  }
  return { links, rest };
}

function typesOf(text: string): ReadonlySet<string> {
  return new Set(
    text
      .toLowerCase()
      .split(/\s+/)
      .filter((type) => type !== ''),
  );
}
