import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { jsonLine, withServer, type JsonOptions } from '../with-services.ts';

const advice =
  'to start one offline, write "offline: true" into its configuration, or run "entrepot serve --offline"';

/** Switches a running server offline or online, or says what it is. */
export function offline(
  state: 'on' | 'off' | undefined,
  options: JsonOptions,
  context: CommandContext,
): Promise<ExitCode> {
  return withServer(options, context, advice, async ({ upstreams }) => {
    const { terminal } = context;
    const now = await upstreams.offline(state === undefined ? null : state === 'on');
    if (options.json === true) terminal.out(jsonLine(now));
    else {
      terminal.out(`${now.offline ? 'offline: no registry is asked' : 'online'}\n`);
      if (now.offline !== now.offlineAtStart)
        terminal.out(
          `after a restart the server is ${now.offlineAtStart ? 'offline' : 'online'} again, as configured\n`,
        );
    }
    return exitCode.success;
  });
}
