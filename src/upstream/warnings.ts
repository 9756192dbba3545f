import { printable } from './answer-error.ts';
import { headerLines, type ResponseHeaders } from './headers.ts';

/** A registry has no need of more. */
const maxWarnings = 5;
/** Of the header, as far as it is read; the specification wants no more than 4,096 bytes of it. */
const maxHeaderLength = 8 * 1024;

/** `299 - "text"`: the text in quotes may have escapes, and is passed over whole. A date may follow. */
const warning = /(\d{3})[ \t]+([^\s",]+)[ \t]+"((?:[^"\\]|\\.)*)"/g;

/**
 * What a registry tells people: the texts of its `Warning` headers with the code 299, as short plain text
 * without secrets. Others are about caches in between; another Entrepot's, that an answer is stale, counts.
 * @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#warnings
 */
export function parseWarnings(headers: ResponseHeaders): readonly string[] {
  const lines = headerLines(headers, 'warning').join(', ').slice(0, maxHeaderLength);
  const texts = [...lines.matchAll(warning)]
    .filter(([, code, agent]) => code === '299' || (code === '110' && agent === 'entrepot'))
    .map(([, , , text = '']) => printable(text.replaceAll(/\\(.)/g, '$1')))
    .filter((text) => text !== '');
  return [...new Set(texts)].slice(0, maxWarnings);
}
