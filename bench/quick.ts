import { Benchmark } from './benchmark.ts';
import { build, Entrepot } from './peers/entrepot.ts';
import { nginx } from './peers/nginx.ts';
import type { Peer } from './peers/peer.ts';
import { registry2 } from './peers/registry2.ts';
import { renderReport } from './report.ts';
import { coldBlob } from './rows/cold-blob.ts';
import { hotBlob } from './rows/hot-blob.ts';
import { manifestByTag, smallBlob } from './rows/request-rate.ts';
import { stampedeImage } from './rows/stampede-image.ts';
import { start } from './rows/start.ts';
import { openWorkshop } from './workshop.ts';

/** Seconds after which nothing more is begun, so that a slow machine is not taken for a failure. */
const budget = 75;

/** Seconds after which something hangs. */
const limit = 115;

const mib = 2 ** 20;

// What says the most comes first.
const rows = [
  stampedeImage({
    clients: 8,
    image: { name: 'four-layers', layers: Array.from({ length: 4 }, () => 16 * mib) },
    link: 6e7,
    limit: 20,
  }),
  hotBlob(8),
  manifestByTag,
  smallBlob,
  start,
  coldBlob,
  hotBlob(1),
];

const { processes, folder } = openWorkshop('entrepot-quick-');

function say(line: string): void {
  process.stderr.write(`${line}\n`);
}

setTimeout(() => {
  say(`no end after ${limit} s`);
  process.exit(1);
}, limit * 1000);

async function isInstalled(peer: Peer): Promise<boolean> {
  try {
    await peer.version(processes);
    return true;
  } catch {
    say(`${peer.name} is not installed, and left out`);
    return false;
  }
}

const peers: Peer[] = [new Entrepot()];
for (const peer of [registry2, nginx]) if (await isInstalled(peer)) peers.push(peer);
await build(processes);
const benchmark = new Benchmark({ rows, peers, seconds: 1, repeat: 1, budget }, processes, folder, say);
const report = await benchmark.run();
process.stdout.write(renderReport(report));
// Whatever the figures are: only a peer that does not work fails.
process.exit(report.failures.length === 0 ? 0 : 1);
