/** A text with its variables filled in. */
export interface FilledIn {
  readonly text: string;
  /** Variables of the environment that are not set and have no default: nothing stands in their place. */
  readonly unset: readonly string[];
}

/**
 * Fills in what a Dev Container takes from this machine: `${localEnv:NAME}`, `${localEnv:NAME:default}`,
 * `${localWorkspaceFolder}`, `${localWorkspaceFolderBasename}`. Others stay as they are.
 * @see https://containers.dev/implementors/json_reference/#variables-in-devcontainerjson
 */
export function fillIn(text: string, environment: ReadonlyMap<string, string>, workspace: string): FilledIn {
  const unset = new Set<string>();
  const filled = text.replaceAll(/\$\{(.*?)\}/gu, (all, expression: string) => {
    const [variable, name, fallback] = expression.split(':');
    if (variable === 'localWorkspaceFolder') return workspace;
    if (variable === 'localWorkspaceFolderBasename') return workspace.slice(workspace.lastIndexOf('/') + 1);
    if ((variable !== 'localEnv' && variable !== 'env') || name === undefined) return all;
    const value = environment.get(name) ?? fallback;
    if (value === undefined) unset.add(name);
    return value ?? '';
  });
  return { text: filled, unset: [...unset] };
}
