/** Which groups a user is in (`access.groups`). */
export class Groups {
  readonly #of = new Map<string, string[]>();

  /** @param members names of users by name of group */
  constructor(members: Readonly<Record<string, readonly string[]>>) {
    for (const [group, users] of Object.entries(members)) {
      for (const user of new Set(users)) {
        const groups = this.#of.get(user);
        if (groups === undefined) this.#of.set(user, [group]);
        else groups.push(group);
      }
    }
  }

  of(user: string): readonly string[] {
    return this.#of.get(user) ?? [];
  }
}
