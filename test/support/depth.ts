/** Whether the long form of tests is asked for that repeat something at random: by `CI`, as `.ci/run` sets it. */
const long = process.env['CI'] !== undefined;

/**
 * How often a test repeats what it does with other random input: `often` in `.ci/run`, `seldom` in `npm test`, which a
 * developer waits for.
 */
export function repeats(seldom: number, often: number): number {
  return long ? often : seldom;
}
