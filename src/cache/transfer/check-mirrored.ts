import type { Repository } from '../../oci/reference.ts';
import { CareError } from '../care/care-error.ts';
import type { RepositoryNames } from '../care/image-names.ts';

/** @throws {CareError} `invalid` for a repository of a registry that is not mirrored here */
export function checkMirrored({ upstreams }: RepositoryNames, { upstream }: Repository): void {
  if (upstreams.some(({ name }) => name === upstream)) return;
  const served = upstreams.map(({ name }) => name).join(', ');
  throw new CareError('invalid', `${upstream} is not mirrored here; this mirror serves ${served}`);
}
