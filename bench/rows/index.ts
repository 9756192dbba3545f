import { coldBlob, slowUpstream } from './cold-blob.ts';
import { dockerPull } from './docker-pull.ts';
import { hotBlob } from './hot-blob.ts';
import { manifestByDigest, manifestByTag, smallBlob } from './request-rate.ts';
import type { Row } from './row.ts';
import { stampede } from './stampede.ts';

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [
  hotBlob(1),
  hotBlob(8),
  hotBlob(64),
  manifestByTag,
  manifestByDigest,
  smallBlob,
  coldBlob,
  stampede,
  slowUpstream,
  dockerPull,
];
