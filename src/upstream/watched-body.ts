import { UpstreamError } from './registry.ts';

/** The same body; `onFailure` is told when it fails, but not when its reader gives up. */
export function watched(
  body: AsyncIterable<Buffer>,
  onFailure: (error: UpstreamError) => void,
): AsyncIterable<Buffer> {
  return {
    [Symbol.asyncIterator]: () => {
      const chunks = body[Symbol.asyncIterator]();
      return {
        next: async () => {
          try {
            return await chunks.next();
          } catch (error) {
            if (error instanceof UpstreamError && error.kind !== 'aborted') onFailure(error);
            throw error;
          }
        },
        // A generator would not pass this on before its first chunk, and the connection would stay open.
        return: async () => (await chunks.return?.()) ?? { done: true, value: undefined },
      };
    },
  };
}
