import { EventEmitter } from 'node:events';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { describe, expect, test } from 'vitest';
import { Boundary, headText } from '../../../../src/http/answer-cache/boundary.ts';

interface Message {
  readonly complete?: boolean;
  readonly headers?: Readonly<Record<string, string>>;
  readonly shouldKeepAlive?: boolean;
  readonly writableFinished?: boolean;
}

/** The two ends of a message, as the parser hands them out. */
function message({
  complete = true,
  headers = {},
  shouldKeepAlive = true,
  writableFinished = true,
}: Message = {}): { readonly incoming: IncomingMessage; readonly outgoing: ServerResponse } {
  const outgoing = Object.assign(new EventEmitter(), { shouldKeepAlive, writableFinished });
  return {
    incoming: { complete, headers } as unknown as IncomingMessage,
    outgoing: outgoing as unknown as ServerResponse,
  };
}

/** A connection after one request and its answer. */
function afterFirst(): Boundary {
  const boundary = new Boundary();
  pass(boundary, message()).outgoing.emit('close');
  return boundary;
}

function pass(
  boundary: Boundary,
  ...messages: readonly ReturnType<typeof message>[]
): ReturnType<typeof message> {
  boundary.pass(true, () => {
    for (const { incoming, outgoing } of messages) boundary.begun(incoming, outgoing);
  });
  return messages[0] ?? message();
}

describe('a connection', () => {
  test('is not at a boundary before its first request', () => {
    expect(new Boundary().isBetween).toBe(false);
  });

  test('is at one once a request is answered, again and again', () => {
    const boundary = afterFirst();
    expect(boundary.isBetween).toBe(true);
    const { outgoing } = pass(boundary, message());
    expect(boundary.isBetween).toBe(false);
    outgoing.emit('close');
    expect(boundary.isBetween).toBe(true);
  });

  test.each<[string, Message]>([
    ['is still to come in part', { complete: false }],
    ['has a length', { headers: { 'content-length': '0' } }],
    ['has a coding', { headers: { 'transfer-encoding': 'chunked' } }],
  ])('is lost after a message that %s', (_, odd) => {
    const boundary = afterFirst();
    pass(boundary, message(odd)).outgoing.emit('close');
    expect([boundary.isBetween, boundary.isLost]).toStrictEqual([false, true]);
  });

  test.each<[string, Message]>([
    ['was cut', { writableFinished: false }],
    ['is the last', { shouldKeepAlive: false }],
  ])('is lost after an answer that %s', (_, odd) => {
    const boundary = afterFirst();
    pass(boundary, message(odd)).outgoing.emit('close');
    expect([boundary.isBetween, boundary.isLost]).toStrictEqual([false, true]);
  });

  test('is lost by a head from which the parser makes no request, or two', () => {
    const none = afterFirst();
    pass(none);
    const two = afterFirst();
    const first = pass(two, message(), message());
    first.outgoing.emit('close');
    expect([none.isLost, two.isLost]).toStrictEqual([true, true]);
  });

  test('is lost by a chunk that is no head, although the parser finds a request in it', () => {
    const boundary = afterFirst();
    boundary.pass(false, () => {
      const { incoming, outgoing } = message();
      boundary.begun(incoming, outgoing);
    });
    expect(boundary.isLost).toBe(true);
  });

  test('is at none while an answer from memory is on its way, and at one when it is sent', async () => {
    const boundary = afterFirst();
    const sent = Promise.withResolvers<boolean>();
    boundary.answering(sent.promise);
    expect(boundary.isBetween).toBe(false);
    sent.resolve(true);
    await sent.promise;
    expect(boundary.isBetween).toBe(true);
  });

  test('is lost by what comes while an answer from memory is on its way, or when that is cut', async () => {
    const early = afterFirst();
    early.answering(Promise.resolve(true));
    pass(early, message()).outgoing.emit('close');
    const cut = afterFirst();
    cut.answering(Promise.resolve(false));
    await Promise.resolve();
    expect([early.isLost, cut.isLost]).toStrictEqual([true, true]);
  });

  test('is lost by a request that does not wait for the answer before it, whatever comes after', () => {
    const boundary = afterFirst();
    const first = pass(boundary, message());
    const second = pass(boundary, message());
    first.outgoing.emit('close');
    second.outgoing.emit('close');
    expect([boundary.isBetween, boundary.isLost]).toStrictEqual([false, true]);
    pass(boundary, message()).outgoing.emit('close');
    expect(boundary.isLost).toBe(true);
  });
});

describe('a chunk', () => {
  test.each([
    ['a whole head', 'GET / HTTP/1.1\r\nHost: a\r\n\r\n', true],
    ['a head in UTF-8', 'GET /é HTTP/1.1\r\n\r\n', true],
    ['a piece of a head', 'GET / HTTP/1.1\r\nHost: a\r\n', false],
    ['a head with something after it', 'GET / HTTP/1.1\r\n\r\nG', false],
    ['two heads', 'GET / HTTP/1.1\r\n\r\nGET / HTTP/1.1\r\n\r\n', false],
    ['a head that ends in line feeds', 'GET / HTTP/1.1\n\n', false],
    ['an empty line too many', 'GET / HTTP/1.1\r\n\r\n\r\n\r\n', false],
    ['nothing', '', false],
    ['more than 8 KiB', `GET / HTTP/1.1\r\nA: ${'a'.repeat(8192)}\r\n\r\n`, false],
  ])('that is %s', (_, text, isHead) => {
    expect(headText(Buffer.from(text)) !== undefined).toBe(isHead);
  });

  test('is told from every other', () => {
    const one = Buffer.from('GET /\xe9 HTTP/1.1\r\n\r\n', 'latin1');
    const other = Buffer.from('GET /\xc3\xa9 HTTP/1.1\r\n\r\n', 'latin1');
    expect(headText(one)).not.toBe(headText(other));
  });
});
