import { contentRange, errorAnswer, type Answer } from './fake-answer.ts';
import type { FaultKind, FaultTarget } from './faults.ts';

/** The answer that a fault puts in place of the service's own, if it is of that kind. */
export function injectedAnswer(
  fault: FaultKind | undefined,
  target: FaultTarget | undefined,
  challenge: string | undefined,
): Answer | undefined {
  if (fault?.kind === 'redirect') {
    return {
      status: 307,
      headers: { location: fault.location },
      body: new Uint8Array(),
      offset: 0,
      digest: undefined,
    };
  }
  if (fault?.kind === 'refuse-range')
    return errorAnswer(fault.status, defaultCode(fault.status, target), 'no ranges');
  if (fault?.kind !== 'status') return undefined;
  const { status, code = defaultCode(status, target), message = `injected ${status}`, headers } = fault;
  const authenticate = status === 401 && challenge !== undefined ? { 'www-authenticate': challenge } : {};
  return errorAnswer(status, code, message, { ...authenticate, ...headers });
}

/** The answer with what a fault does to its bytes or headers. Faults of the connection leave it as it is. */
export function misbehave(answer: Answer, fault: FaultKind | undefined): Answer {
  if (fault?.kind === 'corrupt') {
    return { ...answer, body: flipByte(answer.body, fault.atByte - answer.offset) };
  }
  if (fault?.kind === 'wrong-manifest') {
    return { ...answer, body: Buffer.concat([answer.body, Buffer.from('\n')]) };
  }
  return fault?.kind === 'wrong-content-range' ? shiftContentRange(answer, fault.shift) : answer;
}

function flipByte(bytes: Uint8Array, position: number): Uint8Array {
  const byte = bytes[position];
  if (byte === undefined) return bytes;
  const copy = Buffer.from(bytes);
  copy[position] = byte ^ 0xff;
  return copy;
}

function shiftContentRange(answer: Answer, shift: number): Answer {
  const size = /\/(\d+)$/.exec(answer.headers['content-range'] ?? '')?.[1];
  if (size === undefined) return answer;
  const start = answer.offset + shift;
  const range = contentRange(start, start + answer.body.length - 1, Number(size));
  return { ...answer, headers: { ...answer.headers, 'content-range': range } };
}

function defaultCode(status: number, target: FaultTarget | undefined): string {
  switch (status) {
    case 401:
      return 'UNAUTHORIZED';
    case 403:
      return 'DENIED';
    case 404:
      return target === 'blob' ? 'BLOB_UNKNOWN' : target === 'tags' ? 'NAME_UNKNOWN' : 'MANIFEST_UNKNOWN';
    case 429:
      return 'TOOMANYREQUESTS';
    default:
      return 'UNKNOWN';
  }
}
