/** `Dockerfile`, `web.Dockerfile`, `Dockerfile.dev`, and the same of `Containerfile`. */
export function isDockerfileName(path: string): boolean {
  const name = path.slice(path.lastIndexOf('/') + 1).toLowerCase();
  if (/ignore$|~$|\.(?:md|orig|rej|bak|swp)$/u.test(name)) return false;
  return /^(?:.*\.)?(?:docker|container)file$|^(?:docker|container)file\.[^.]/u.test(name);
}

/**
 * Whether a text begins as a Dockerfile does: comments, `ARG`s, then `FROM`; or with the name of a frontend.
 */
export function looksLikeDockerfile(text: string): boolean {
  if (/^\s*#\s*syntax\s*=\s*\S*docker\/dockerfile/iu.test(text.slice(0, 512))) return true;
  for (const line of text.slice(0, 65_536).split('\n')) {
    const trimmed = line.trim();
    if (/^FROM\s+(?:--platform=\S+\s+)?\S+(?:\s+as\s+\S+)?$/iu.test(trimmed)) return true;
    if (trimmed !== '' && !trimmed.startsWith('#') && !/^ARG\s/iu.test(trimmed)) return false;
  }
  return false;
}
