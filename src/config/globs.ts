import { repositoryGlob, tagGlob } from '../glob.ts';
import { refuse, shown, text, type Context } from './scalars.ts';

/** A glob on `repository:tag`. */
export const tagPattern = text.transform((value, context): string => {
  if (!value.includes(':') && !value.endsWith('*')) {
    return refuse(context, `${shown(value)} matches no repository:tag, did you mean ${value}:*?`);
  }
  return checked(value, context, tagGlob);
});

/** A glob on `upstream/repository`. */
export const repositoryPattern = text.transform((value, context): string => {
  const meant = likelier(value);
  if (meant !== undefined) return refuse(context, `${shown(value)} ${meant}`);
  return checked(value, context, repositoryGlob);
});

/** An upstream, or a glob on `upstream/repository`. */
export const quotaPattern = text.transform((value, context): string => {
  if (!value.includes('/')) return checked(value, context, repositoryGlob);
  return checked(value, context, repositoryGlob);
});

/** A glob on `upstream/repository:tag`. */
export const pinPattern = text.transform((value, context): string => checked(value, context, tagGlob));

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

function checked(value: string, context: Context, compile: (pattern: string) => unknown): string {
  try {
    compile(value);
    return value;
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error;
    return refuse(context, error.message);
  }
}
