/** One figure of a row, among those that are drawn to one scale. */
export interface Group {
  readonly label: string;
  readonly row: string;
  readonly figure: string;
}

/** What is compared in one part of the chart. */
export interface Panel {
  readonly title: string;
  readonly groups: readonly Group[];
}

/** What the chart shows of a run; what the run has not measured is left out. */
export const panels: readonly Panel[] = [
  {
    title: 'Cold pulls of a 1 GiB image, all at once: time, in times of one direct pull (less is better)',
    groups: [
      { label: '64 clients, 200 Mbit/s', row: 'stampede-image-64', figure: 'times' },
      { label: '8 clients, 1 Gbit/s', row: 'stampede-image-8', figure: 'times' },
    ],
  },
  {
    title: 'The same: bytes from upstream, in times of the image (less is better)',
    groups: [
      { label: '64 clients, 200 Mbit/s', row: 'stampede-image-64', figure: 'upstream' },
      { label: '8 clients, 1 Gbit/s', row: 'stampede-image-8', figure: 'upstream' },
    ],
  },
  {
    title: 'Hot 256 MiB blob: GiB/s (more is better)',
    groups: [
      { label: '1 stream', row: 'hot-blob-1', figure: 'throughput' },
      { label: '8 streams', row: 'hot-blob-8', figure: 'throughput' },
      { label: '64 streams', row: 'hot-blob-64', figure: 'throughput' },
    ],
  },
];
