/** A wait that took too long. The label says what was waited for. */
export class DeadlineError extends Error {
  override readonly name = 'DeadlineError';
  readonly code = 'DEADLINE';
}

/**
 * Resolves or rejects as `promise` does, or rejects with {@link DeadlineError} after `ms` milliseconds. Every
 * wait of a test goes through here, so that a hang is a failure with a name and not a timeout of the runner.
 */
export async function within<T>(ms: number, label: string, promise: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  const deadline = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(new DeadlineError(`${label}: nothing within ${ms} ms`)), ms);
  });
  try {
    return await Promise.race([promise, deadline]);
  } finally {
    clearTimeout(timer);
  }
}

/**
 * Asks `condition` again and again until it holds; rejects with {@link DeadlineError} after `ms`
 * milliseconds.
 */
export async function eventually(
  ms: number,
  label: string,
  condition: () => boolean | Promise<boolean>,
): Promise<void> {
  const end = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > end) throw new DeadlineError(`${label}: not so within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
