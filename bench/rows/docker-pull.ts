import { DockerDaemon } from '../docker-daemon.ts';
import { median } from '../statistics.ts';
import type { Pace } from '../upstream/control.ts';
import type { Row } from './row.ts';

/** Milliseconds to a registry on the same continent and back. */
const latency = 50;

/** How often the direct pull is timed: all that the peer does is measured by it. */
const directPulls = 3;

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
      title: `docker pull, cold, 10 layers of 30 MiB, upstream ${title}, seconds`,
      better: 'less',
    } as const,
    { id: `${id}Speedup`, title: 'the same, speed-up over a direct pull', better: 'more' } as const,
  ]),
  async measure({ processes, upstream, peer }) {
    const values: Record<string, number> = {};
    await using daemon = await DockerDaemon.start(processes);
    try {
      for (const { id, pace } of paces) {
        const { repository } = await upstream.image({ name: `ten-layers-${id}`, layers });
        await upstream.setPace(pace);
        const direct: number[] = [];
        for (let turn = 1; turn <= directPulls; turn += 1)
          direct.push(await daemon.pull(`${upstream.url.host}/${repository}:latest`));
        const seconds = await daemon.pull(`${peer.url.host}/${repository}:latest`);
        values[`${id}Seconds`] = seconds;
        values[`${id}Speedup`] = median(direct) / seconds;
      }
      return values;
    } finally {
      await upstream.setPace({});
    }
  },
};
