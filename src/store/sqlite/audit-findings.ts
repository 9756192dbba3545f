import type { Miscounts } from './account-errors.ts';
import type { DanglingTagRow } from './dangling-tags.ts';

/** What the other thread finds. */
export interface AuditFindings {
  readonly miscounts: Miscounts;
  readonly danglingTags: readonly DanglingTagRow[];
}
