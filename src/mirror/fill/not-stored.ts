/** Why a blob passes through without being stored, though nothing is wrong with it. */
export class NotStored extends Error {
  override readonly name = 'NotStored';
}

/** @throws NotStored for a reason not to store the blob */
export function admit(refusal: string | undefined): void {
  if (refusal !== undefined) throw new NotStored(refusal);
}
