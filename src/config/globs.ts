import { repositoryGlob, tagGlob } from '../base/glob.ts';
import { imagePattern } from '../cache/space/pin-pattern.ts';
import { parseDigest } from '../oci/digest.ts';
import { refuse, scalar, shown } from './scalars.ts';

/** A glob on `repository:tag`. */
export const tagPattern = pattern(tagGlob, (value) =>
  value.includes(':') || value.endsWith('*')
    ? undefined
    : `matches no repository:tag, did you mean ${value}:*?`,
);

/** A glob on `upstream/repository`. */
export const repositoryPattern = pattern(repositoryGlob, likelier);

/** An upstream (`ghcr.io`, `ghcr.io/*`, `ghcr.io/**`), or a glob on `upstream/repository`. */
export const quotaPattern = pattern(repositoryGlob, (value) => {
  if (/^[^/*?[{]+(?:\/\*{1,2})?$/.test(value)) return undefined;
  return value === '*' ? 'matches nothing, did you mean **?' : likelier(value);
});

/** A pattern of images, as `imagePattern` takes it. */
export const pinPattern = pattern(imagePattern, likelierImage);

/** @param doubt what is wrong with a pattern that compiles */
function pattern(compile: (pattern: string) => unknown, doubt: (pattern: string) => string | undefined) {
  return scalar((value, ctx): string => {
    const meant = doubt(value);
    if (meant !== undefined) return refuse(ctx, `${shown(value)} ${meant}`);
    try {
      compile(value);
      return value;
    } catch (error) {
      if (!(error instanceof SyntaxError)) throw error;
      return refuse(ctx, error.message);
    }
  });
}

/** What is wrong with a pattern that is a glob, and yet hardly what its writer means. */
function likelier(value: string): string | undefined {
  const hub = /^(docker\.io)\/([^/]+)$/.exec(value)?.[2];
  if (hub !== undefined && !hub.includes('*')) {
    return `matches nothing, did you mean docker.io/library/${hub}?`;
  }
  const host = /^([^/*?]+?)(?:\/\*?)?$/.exec(value)?.[1];
  if (host !== undefined) {
    return `${value.endsWith('*') ? 'leaves out names of several parts' : 'matches nothing'}, did you mean ${host}/**?`;
  }
  if (/[A-Z]/.test(value)) {
    return `matches nothing: names of images have no capitals, did you mean ${value.toLowerCase()}?`;
  }
  // Anything before a slash may be a port.
  if (/\/[^/]*:[^/]*$/.test(value)) return 'matches nothing: it goes by repositories, without tags';
  if (value.endsWith('/')) return `matches nothing, did you mean ${value}**?`;
  return /[^/{},*]\*\*|\*\*[^/{},*]|\*\*\*/.test(value)
    ? 'has ** beside other characters: it stands for whole parts of a name, as in ghcr.io/**/app'
    : undefined;
}

/** The same for patterns of images. */
function likelierImage(value: string): string | undefined {
  const scheme = /^https?:\/\//i.exec(value)?.[0];
  if (scheme !== undefined) return `matches nothing, did you mean ${value.slice(scheme.length)}?`;
  const [whole = '', digest] = value.split('@', 2);
  const [, name = '', tag] = /^(.*?)(?::([^/]*))?$/.exec(whole) ?? [];
  if (name.endsWith('/')) return `matches nothing, did you mean ${name}*?`;
  if (/[A-Z]/.test(name)) {
    return `matches nothing: names of images have no capitals, did you mean ${name.toLowerCase()}${value.slice(name.length)}?`;
  }
  if (digest === undefined)
    return tag === '' ? 'matches nothing: there is no tag after the colon' : undefined;
  if (tag !== undefined) return `matches nothing: give a tag or a digest, did you mean ${name}@${digest}?`;
  return /[*?[{]/.test(digest) || parseDigest(digest) !== undefined
    ? undefined
    : 'matches nothing: what follows @ is no digest, as sha256: and 64 hexadecimal digits';
}
