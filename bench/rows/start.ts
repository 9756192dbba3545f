import { median } from '../statistics.ts';
import type { Row } from './row.ts';

const starts = 5;

/** How soon does it listen, on an empty store? */
export const start: Row = {
  name: 'start',
  figures: [{ id: 'milliseconds', title: 'start to first answer, empty store, ms', better: 'less' }],
  async measure(bench) {
    const times = [bench.peer.startedIn];
    while (times.length < starts) {
      const another = await bench.startAnother();
      times.push(another.startedIn);
      await another.stop();
    }
    return { milliseconds: median(times) };
  },
};
