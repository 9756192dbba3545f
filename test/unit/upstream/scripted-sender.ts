import { systemClock } from '../../../src/base/system-clock.ts';
import type { Sender, UpstreamRequest, UpstreamResponse } from '../../../src/upstream/http-message.ts';
import { UpstreamError } from '../../../src/upstream/registry.ts';
import { ResponseBody } from '../../../src/upstream/response-body.ts';
import { ToldAnswer } from './told-answer.ts';

export interface ScriptedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

/** Answers requests from a list, in order; an error in it is thrown. The last one goes on for ever. */
export class ScriptedSender implements Sender {
  readonly requests: UpstreamRequest[] = [];
  readonly #script: readonly (ScriptedAnswer | UpstreamError)[];

  constructor(...script: readonly (ScriptedAnswer | UpstreamError)[]) {
    this.#script = script;
  }

  send(request: UpstreamRequest): Promise<UpstreamResponse> {
    const next = this.#script[Math.min(this.requests.length, this.#script.length - 1)];
    this.requests.push(request);
    if (next === undefined || next instanceof UpstreamError) {
      return Promise.reject(next ?? new UpstreamError('unavailable', 'the script is empty'));
    }
    return Promise.resolve(scriptedResponse(next, request.url));
  }
}

export function scriptedResponse(
  { status, headers = {}, body = '' }: ScriptedAnswer,
  url: URL,
): UpstreamResponse {
  const { arriving } = new ToldAnswer().start().answer(status).push(body).end();
  const fail = (cause: unknown): UpstreamError => new UpstreamError('unavailable', 'cut', { cause });
  return {
    status,
    headers,
    url,
    body: new ResponseBody(arriving, { clock: systemClock(), failure: fail }),
  };
}
