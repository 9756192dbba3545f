/** Rows read at a time. */
export const pageLength = 200;

/**
 * The pages of a list, up to the first empty one.
 * @param read lists what comes after a key; undefined: from the beginning
 * @param keyOf the key of a row
 */
export async function* pagesOf<Row, Key>(
  read: (after: Key | undefined, limit: number) => Promise<readonly Row[]>,
  keyOf: (row: Row) => Key,
): AsyncGenerator<readonly Row[]> {
  let after: Key | undefined;
  for (;;) {
    const page = await read(after, pageLength);
    const last = page.at(-1);
    if (last === undefined) return;
    yield page;
    after = keyOf(last);
  }
}
