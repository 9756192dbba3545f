/** `engines.node` of package.json, which npm does not check when it runs a program. */
const oldestMajor = 24;

/**
 * Why a Node.js is too old, in a line; undefined if it is not.
 * @param version as `process.versions.node` has it
 */
export function describeOldNode(version: string): string | undefined {
  if (Number.parseInt(version, 10) >= oldestMajor) return undefined;
  return `Node.js ${oldestMajor} or newer is needed, and this is ${version}`;
}
