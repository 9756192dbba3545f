import { loadConfig } from '../config/load.ts';
import { errnoOf } from '../store/file-error.ts';
import { askHealth } from './ask-health.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

const limitMs = 3_000;

/** Health check for containers: is the mirror with this configuration on this machine alive? */
export async function health(file: string | undefined, terminal: Terminal): Promise<ExitCode> {
  const { addr, tls } = loadConfig({ file }).config.http;
  try {
    const { status, wantsCertificate } = await askHealth(
      addr,
      tls !== undefined,
      AbortSignal.timeout(limitMs),
    );
    if (status === 200 || wantsCertificate) return exitCode.success;
    terminal.err(`entrepot: /healthz answered ${status}\n`);
    return exitCode.failure;
  } catch (error) {
    terminal.err(`entrepot: no answer: ${reason(error)}\n`);
    return exitCode.failure;
  }
}

const reasons: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'the connection was refused, so that nothing listens at http.addr',
  ECONNRESET: 'the connection was closed',
  EPROTO: 'what listens at http.addr does not speak TLS',
  ABORT_ERR: `none within ${limitMs / 1000} s`,
};

/** By the code: where `localhost` has two addresses, the error that stands for both has no message. */
function reason(error: unknown): string {
  const code = errnoOf(error) ?? 'unknown error';
  return reasons[code] ?? code;
}
