/** The exit codes of the process. */
export const exitCode = {
  success: 0,
  /** It could not start, or something broke that should not. */
  failure: 1,
  /** The command line, the configuration or the Node.js is wrong: starting it again will not help. */
  usage: 2,
} as const;

export type ExitCode = (typeof exitCode)[keyof typeof exitCode];
