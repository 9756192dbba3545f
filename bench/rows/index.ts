import { coldBlob, coldBlob10G, coldBlob1G, slowUpstream } from './cold-blob.ts';
import { dockerPull } from './docker-pull.ts';
import { fairness, fairnessFast } from './fairness.ts';
import { hotBlob } from './hot-blob.ts';
import { largeLayer } from './large-layer.ts';
import { manifestByDigest, manifestByTag, smallBlob } from './request-rate.ts';
import { maxRate } from './maxrate.ts';
import type { Row } from './row.ts';
import { eightLayers, stampedeImage } from './stampede-image.ts';
import { stampede } from './stampede.ts';
import { start } from './start.ts';

/** Every row, in the order of the table. */
export const rows: readonly Row[] = [
  hotBlob(1),
  hotBlob(8),
  hotBlob(64),
  hotBlob(1, { tls: true }),
  hotBlob(8, { tls: true }),
  manifestByTag,
  manifestByDigest,
  smallBlob,
  coldBlob,
  coldBlob1G,
  coldBlob10G,
  slowUpstream,
  dockerPull,
  stampede,
  stampedeImage({ clients: 8, image: eightLayers, link: 1e9 / 8, limit: 120 }),
  // Of 1 Gbit/s 64 clients would take 7.5 GiB/s, which two cores cannot move.
  stampedeImage({ clients: 64, image: eightLayers, link: 2e8 / 8, limit: 180 }),
  largeLayer,
  fairness,
  fairnessFast,
  maxRate,
  start,
];
