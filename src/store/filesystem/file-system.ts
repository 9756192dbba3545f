import type promises from 'node:fs/promises';

/** What the content store asks of the file system beyond reading; injected, so that a test can make each of it fail. */
export type FileSystem = Pick<typeof promises, 'copyFile' | 'link' | 'open' | 'rename' | 'statfs' | 'unlink'>;
