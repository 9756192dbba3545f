import { writeFile } from 'node:fs/promises';
import { stringify } from 'yaml';
import type { TempFolder } from './temp-folder.ts';

/** Sections of a configuration file, as an operator would write them. */
export type Sections = Readonly<Record<string, unknown>>;

/**
 * Writes `config.yml` into the folder: logs as JSON, data below the same folder, and the sections given.
 * Resolves to its path.
 */
export async function writeConfigurationFile(folder: TempFolder, sections: Sections): Promise<string> {
  const path = folder.join('config.yml');
  await writeFile(
    path,
    stringify({
      version: 0.1,
      log: { level: 'info', formatter: 'json' },
      storage: { filesystem: { rootdirectory: folder.join('data') } },
      ...sections,
    }),
  );
  return path;
}
