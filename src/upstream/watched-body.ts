import { UpstreamError } from './registry.ts';

export interface BodyEvents {
  /** It fails, but not because its reader gives up. */
  readonly onFailure?: (error: UpstreamError) => void;
  /** It has ended, failed or been left: told at least once. */
  readonly onOver?: () => void;
}

/** The same body, which tells what becomes of it. */
export function watched(
  body: AsyncIterable<Buffer>,
  { onFailure, onOver }: BodyEvents,
): AsyncIterable<Buffer> {
  return {
    [Symbol.asyncIterator]: () => {
      const chunks = body[Symbol.asyncIterator]();
      return {
        next: async () => {
          try {
            const chunk = await chunks.next();
            if (chunk.done === true) onOver?.();
            return chunk;
          } catch (error) {
            onOver?.();
            if (error instanceof UpstreamError && error.kind !== 'aborted') onFailure?.(error);
            throw error;
          }
        },
        // A generator would not pass this on before its first chunk, and the connection would stay open.
        return: async () => {
          onOver?.();
          return (await chunks.return?.()) ?? { done: true, value: undefined };
        },
      };
    },
  };
}
