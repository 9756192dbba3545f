import { UpstreamError, type BlobStream } from '../../src/upstream/registry.ts';

/** The body of a stream, and when it has ended, as {@link BlobStream} promises both. */
export function endedBody(body: AsyncIterable<Buffer>): Pick<BlobStream, 'body' | 'ended'> {
  const { promise: ended, resolve } = Promise.withResolvers<UpstreamError | undefined>();
  const iterate = (): AsyncIterator<Buffer> => {
    const chunks = body[Symbol.asyncIterator]();
    return {
      next: async () => {
        try {
          const chunk = await chunks.next();
          if (chunk.done === true) resolve(undefined);
          return chunk;
        } catch (error) {
          resolve(error instanceof UpstreamError && error.kind !== 'aborted' ? error : undefined);
          throw error;
        }
      },
      return: async () => {
        resolve(undefined);
        return (await chunks.return?.()) ?? { done: true, value: undefined };
      },
    };
  };
  return { body: { [Symbol.asyncIterator]: iterate }, ended };
}
