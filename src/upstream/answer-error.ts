import { STATUS_CODES } from 'node:http';
import { mirrorLoop } from '../base/hops.ts';
import { z } from '../base/zod.ts';
import { readDecoded } from './content-encoding.ts';
import { kindOfStatus } from './failure-policy.ts';
import { headerText } from './headers.ts';
import type { UpstreamResponse } from './http-message.ts';
import { UpstreamError } from './registry.ts';
import { parseRetryAfter } from './retry-after.ts';

/** The most that is read of an error's body, in bytes. */
const maxErrorBytes = 64 * 1024;

/** An error's body is worth no long wait, in milliseconds. */
const errorBodyTimeoutMs = 5_000;

const maxMessageLength = 200;

const redacted = '[redacted]';

/** Shorter values are plain English, as in `Bearer token`. */
const authorization = /\b(basic|bearer) ["']?[\w.~+/:-]{8,}=*/gi;

const jsonWebToken = /\beyJ[\w-]+\.[\w-]+\.[\w-]*/g;

/** @see https://github.com/opencontainers/distribution-spec/blob/main/spec.md#error-codes */
const toldError = z.object({ code: z.string().optional(), message: z.string().optional() });
const errorBody = z.object({ errors: z.array(toldError).min(1) });

type ToldError = z.infer<typeof toldError>;

/**
 * The error for an answer of an unexpected status. Reads the body, or discards it.
 * @param now milliseconds since the epoch
 */
export async function answerError(response: UpstreamResponse, now: number): Promise<UpstreamError> {
  const { status, url, headers, wasShownPassword = false } = response;
  const said = await upstreamMessage(response);
  const message = `${url.host}: ${status} ${said === '' ? meaning(status) : said}`;
  return new UpstreamError(kindOfStatus(status), message, {
    status,
    retryAfter: parseRetryAfter(headerText(headers, 'retry-after'), now),
    // ECR answers 403 to a password that has expired.
    isOfLogin: (status === 401 || status === 403) && wasShownPassword,
  });
}

/** For an answer without a message, as one to HEAD. Registries do not tell refused from missing. */
function meaning(status: number): string {
  const name = STATUS_CODES[status] ?? 'an unknown status';
  if (status === 508) return `${name}: ${mirrorLoop}`;
  return status === 401 || status === 403
    ? `${name}: it does not have this repository, or this mirror may not read it`
    : name;
}

/** The code of the first error in the body, which it reads or lets go of; undefined when there is none. */
export async function errorCode(response: UpstreamResponse): Promise<string | undefined> {
  return (await firstError(response))?.code;
}

/** `CODE: message` of the first error in the body; empty when there is none. */
async function upstreamMessage(response: UpstreamResponse): Promise<string> {
  const { code, message } = (await firstError(response)) ?? {};
  const text = [code, message].filter((part) => part !== undefined).join(': ');
  const { secrets = [] } = response;
  return printable(secrets.reduce((rest, secret) => rest.replaceAll(secret, redacted), text));
}

async function firstError(response: UpstreamResponse): Promise<ToldError | undefined> {
  try {
    const bytes = await readDecoded(response, maxErrorBytes, errorBodyTimeoutMs);
    return errorBody.parse(JSON.parse(bytes.toString('utf8'))).errors[0];
  } catch {
    // The status says enough; many errors come from proxies in between and have no such body.
    return undefined;
  }
}

/**
 * Short plain text without control characters and secrets: user information and queries of URLs, and the
 * `Authorization`, which some servers quote when they refuse it.
 */
export function printable(text: string): string {
  return text
    .replace(/[\p{C}\p{Z}]+/gu, ' ')
    .replace(authorization, (_, scheme: string) => `${scheme} ${redacted}`)
    .replace(jsonWebToken, redacted)
    .replace(/(https?:\/\/)([^\s"'<>]+)/gi, (_, scheme: string, rest: string) => scheme + bareUrl(rest))
    .trim()
    .slice(0, maxMessageLength);
}

function bareUrl(afterScheme: string): string {
  const [address = ''] = afterScheme.split(/[?#]/, 1);
  const host = address.split('/', 1)[0] ?? '';
  return address.slice(host.lastIndexOf('@') + 1);
}
