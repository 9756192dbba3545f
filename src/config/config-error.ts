/** Where a value came from: a position in the file (counted from 1), or an environment variable. */
export type Origin =
  { readonly file: string; readonly line: number; readonly column: number } | { readonly variable: string };

/** One thing that is wrong with a configuration. */
export interface Problem {
  readonly origin: Origin | undefined;
  /** The key it is about, such as `proxy.ttl`; empty for the whole. */
  readonly key: string;
  /** For the operator; holds no secret. */
  readonly message: string;
}

/** `entrepot.yml:3:5: proxy.ttl: …`, as editors and terminals make links of it. */
function describeProblem({ origin, key, message }: Problem): string {
  return [origin === undefined ? '' : describeOrigin(origin), key, message]
    .filter((part) => part !== '')
    .join(': ');
}

function describeOrigin(origin: Origin): string {
  return 'variable' in origin ? origin.variable : `${origin.file}:${origin.line}:${origin.column}`;
}

/** The configuration cannot be used; the message has one line for each problem, all of them. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  readonly code = 'CONFIG_INVALID';
  readonly problems: readonly Problem[];

  constructor(problems: readonly Problem[], options?: ErrorOptions) {
    super(problems.map(describeProblem).join('\n'), options);
    this.problems = problems;
  }
}
