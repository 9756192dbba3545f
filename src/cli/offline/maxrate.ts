import { byteRateText } from '../../base/byte-rate.ts';
import type { RateLimit } from '../../control/upstream-control.ts';
import { exitCode, type ExitCode } from '../exit-code.ts';
import type { CommandContext } from '../command-context.ts';
import { jsonLine, withServer, type JsonOptions } from '../with-services.ts';

export interface MaxRateOptions extends JsonOptions {
  readonly upstream?: string;
}

const advice = 'to start one with a limit, write proxy.maxrate into its configuration';

/**
 * Changes how much a running server takes from registries, or says it.
 * @param bytesPerSecond null for no limit, undefined to leave it as it is
 */
export function maxRate(
  bytesPerSecond: number | null | undefined,
  options: MaxRateOptions,
  context: CommandContext,
): Promise<ExitCode> {
  return withServer(options, context, advice, async ({ upstreams }) => {
    const { terminal } = context;
    const { upstream = null, json = false } = options;
    const change = bytesPerSecond === undefined ? null : { upstream, bytesPerSecond };
    const rates = await upstreams.rates(change);
    const isTold = (limit: RateLimit): boolean =>
      limit.upstream === null || limit.bytesPerSecond !== limit.atStart || limit.bytesPerSecond !== null;
    if (json) terminal.out(jsonLine(rates));
    else for (const limit of rates.filter(isTold)) terminal.out(`${describe(limit)}\n`);
    return exitCode.success;
  });
}

function describe({ upstream, bytesPerSecond, atStart }: RateLimit): string {
  const now = `${upstream ?? 'all registries together'}: ${rateText(bytesPerSecond)}`;
  return bytesPerSecond === atStart ? now : `${now}; after a restart ${rateText(atStart)}, as configured`;
}

function rateText(bytesPerSecond: number | null): string {
  return bytesPerSecond === null ? 'no limit' : byteRateText(bytesPerSecond);
}
