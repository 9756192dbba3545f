import { existsSync } from 'node:fs';
import { realpath } from 'node:fs/promises';
import { join } from 'node:path';
import type { Image } from '../../support/image.ts';
import { command } from './command.ts';
import { RootFolder } from './root-folder.ts';

const path = 'PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';
const authorities = '/etc/ssl/certs/ca-certificates.crt';

/**
 * Stands for `node:24-bookworm-slim` on a machine that may reach no registry: the Node.js that runs this,
 * npm, a shell, and what a Dockerfile usually asks of Debian. npm asks the registry that it asks here.
 */
export async function nodeImage(): Promise<Image> {
  await using root = await RootFolder.create();
  const tools = ['chown', 'cp', 'env', 'mkdir', 'rm', 'timeout'];
  await root.addPrograms(
    '/bin/sh',
    ...tools.map((tool) => (existsSync(`/bin/${tool}`) ? '/bin/' : '/usr/bin/') + tool),
  );
  // Some of what comes from npm is linked with parts of it that Node.js is not.
  await root.addLibraries('libc6');
  // Found there by the scripts of npm, wherever it is here.
  if (!existsSync('/bin/env')) throw new Error('this machine has no /bin/env');
  await root.link('/usr/bin/env', '/bin/env');
  await root.add(process.execPath, '/usr/local/bin/node');
  await root.addLibrariesOf(process.execPath);
  const modules = (await command('npm', ['root', '--global'])).trim();
  await root.add(await realpath(join(modules, 'npm')), '/usr/local/lib/node_modules/npm');
  await root.link('/usr/local/bin/npm', '../lib/node_modules/npm/bin/npm-cli.js');
  const registry = (await command('npm', ['config', 'get', 'registry'])).trim();
  const settings = [`registry=${registry}`, 'update-notifier=false', 'audit=false', 'fund=false'];
  if (existsSync(authorities)) {
    await root.add(authorities);
    settings.push(`cafile=${authorities}`);
  }
  await root.write('/usr/local/etc/npmrc', `${settings.join('\n')}\n`);
  await root.write('/etc/passwd', 'root:x:0:0::/root:/bin/sh\nnode:x:1000:1000::/home/node:/bin/sh\n');
  await root.write('/etc/group', 'root:x:0:\nnode:x:1000:\n');
  return await root.toImage({ Env: [path], Cmd: ['node'] });
}

/** Stands for `registry:2`: Debian's build of it. */
export async function registryImage(): Promise<Image> {
  await using root = await RootFolder.create();
  await root.addPrograms('/usr/bin/docker-registry');
  await root.write(
    '/etc/docker/registry/config.yml',
    'version: 0.1\nstorage: { filesystem: { rootdirectory: /var/lib/registry } }\nhttp: { addr: ":5000" }\n',
  );
  return await root.toImage({
    Env: [path],
    Entrypoint: ['/usr/bin/docker-registry', 'serve'],
    Cmd: ['/etc/docker/registry/config.yml'],
    Volumes: { '/var/lib/registry': {} },
  });
}
