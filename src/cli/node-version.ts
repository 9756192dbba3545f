/** `engines.node` of package.json, which npm does not ask about when it runs a program. */
const least = [22, 19] as const;

/**
 * Why a Node.js is too old, in a line; undefined if it is not.
 * @param version as `process.versions.node` has it
 */
export function describeOldNode(version: string): string | undefined {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  if (major > least[0] || (major === least[0] && minor >= least[1])) return undefined;
  return `Node.js ${least.join('.')} or newer is needed, and this is ${version}`;
}
