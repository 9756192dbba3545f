import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { stringify } from 'yaml';
import { freePort } from '../port.ts';
import type { Processes } from '../processes.ts';
import { httpSettings } from './http-settings.ts';
import { RunningPeer, type Peer, type PeerSetting } from './peer.ts';

/** Debian's docker-registry, which is registry:2, in proxy mode. */
export const registry2: Peer = {
  name: 'registry2',

  async version(processes: Processes): Promise<string> {
    return (await processes.output('docker-registry', ['--version'])).trim().split(' ').at(-1) ?? '';
  },

  async start(setting: PeerSetting): Promise<RunningPeer> {
    const { processes, upstream, folder, certificate } = setting;
    const port = await freePort();
    const file = join(folder, 'registry2.yml');
    await writeFile(
      file,
      stringify({
        version: 0.1,
        log: { level: 'info' },
        storage: {
          cache: { blobdescriptor: 'inmemory' },
          filesystem: { rootdirectory: join(folder, 'registry2') },
        },
        http: httpSettings(port, certificate),
        proxy: { remoteurl: upstream.origin },
      }),
    );
    const service = processes.serve('docker-registry', ['serve', file], join(folder, 'registry2.log'));
    return RunningPeer.answering(port, service, setting);
  },
};
