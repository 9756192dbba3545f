import { DockerDaemon } from '../docker-daemon.ts';
import { median } from '../statistics.ts';
import type { Pace } from '../upstream/control.ts';
import type { Row } from './row.ts';

/** Milliseconds to a registry on the same continent and back. */
const latency = 50;

/** How often each way is timed, in turns, with an image of its own each time. */
const turns = 3;

/** A small base, and what an application adds to it. */
const layers = [8, 4, 1, 3, 2, 5, 1, 2, 3, 1].map((mib) => mib * 2 ** 20);

const paces: readonly { readonly id: string; readonly pace: Pace; readonly title: string }[] = [
  { id: 'far', pace: { latency }, title: '50 ms away' },
  { id: 'slow', pace: { latency, connection: 15e6 }, title: '50 ms away, 15 MB/s a connection' },
];

/** Does dockerd get a new image sooner through the cache than straight from its registry? */
export const dockerPull: Row = {
  name: 'docker-pull',
  figures: paces.flatMap(({ id, title }) => [
    {
      id: `${id}Seconds`,
      title: `docker pull, cold, 10 layers, 30 MiB, upstream ${title}, seconds`,
      better: 'less',
    } as const,
    { id: `${id}Speedup`, title: 'the same, speed-up over a direct pull', better: 'more' } as const,
  ]),
  async measure({ processes, upstream, peer }) {
    const values: Record<string, number> = {};
    await using daemon = await DockerDaemon.start(processes);
    try {
      const pull = (from: URL, repository: string) => daemon.pull(`${from.host}/${repository}:latest`);
      // A mirror that has run for a while, and an image that it has never seen.
      await pull(peer.url, (await upstream.image({ name: 'ten-layers-before', layers })).repository);
      for (const { id, pace } of paces) {
        const direct: number[] = [];
        const cold: number[] = [];
        await upstream.setPace(pace);
        for (let turn = 1; turn <= turns; turn += 1) {
          const { repository } = await upstream.image({ name: `ten-layers-${id}-${turn}`, layers });
          direct.push(await pull(upstream.url, repository));
          cold.push(await pull(peer.url, repository));
        }
        await upstream.setPace({});
        values[`${id}Seconds`] = median(cold);
        values[`${id}Speedup`] = median(direct) / median(cold);
      }
      return values;
    } finally {
      await upstream.setPace({});
    }
  },
};
