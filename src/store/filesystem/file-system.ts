import type promises from 'node:fs/promises';

/** What the content store does with the file system, besides reading; tests make it fail. */
export type FileSystem = Pick<typeof promises, 'copyFile' | 'link' | 'open' | 'rename' | 'statfs' | 'unlink'>;
