import { request as httpRequest } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { ConfigError } from '../config/config-error.ts';
import type { HttpConfig } from '../config/config.ts';
import { loadConfig } from '../config/load.ts';
import { exitCode, type ExitCode } from './exit-code.ts';
import type { Terminal } from './terminal.ts';

const limitMs = 3_000;

/** Asks the mirror that runs with this configuration on this machine whether it is alive; for containers' health checks. */
export async function health(file: string | undefined, terminal: Terminal): Promise<ExitCode> {
  try {
    const { config } = loadConfig({ file });
    const status = await askHealth(config.http);
    if (status === 200) return exitCode.success;
    terminal.err(`entrepot: /healthz answered ${status}\n`);
    return exitCode.failure;
  } catch (error) {
    if (error instanceof ConfigError) {
      terminal.err(`${error.message}\n`);
      return exitCode.usage;
    }
    terminal.err(`entrepot: no answer: ${error instanceof Error ? error.message : 'unknown error'}\n`);
    return exitCode.failure;
  }
}

function askHealth({ addr, tls }: HttpConfig): Promise<number | undefined> {
  const options = {
    host: addr.host === undefined || addr.host === '0.0.0.0' || addr.host === '::' ? 'localhost' : addr.host,
    port: addr.port,
    path: '/healthz',
    signal: AbortSignal.timeout(limitMs),
  };
  const { promise, resolve, reject } = Promise.withResolvers<number | undefined>();
  // The certificate is for the name that clients use, not for this one; and nothing secret is said.
  const request =
    tls === undefined ? httpRequest(options) : httpsRequest({ ...options, rejectUnauthorized: false });
  request.on('response', (response) => {
    response.resume();
    resolve(response.statusCode);
  });
  request.on('error', reject);
  request.end();
  return promise;
}
