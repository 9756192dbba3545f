/** The same body; `onOver` is called, at least once, when it ends, fails or is left. */
export function counted(body: AsyncIterable<Buffer>, onOver: () => void): AsyncIterable<Buffer> {
  return {
    [Symbol.asyncIterator]: () => {
      const chunks = body[Symbol.asyncIterator]();
      return {
        next: async () => {
          try {
            const chunk = await chunks.next();
            if (chunk.done === true) onOver();
            return chunk;
          } catch (error) {
            onOver();
            throw error;
          }
        },
        return: async () => {
          onOver();
          return (await chunks.return?.()) ?? { done: true, value: undefined };
        },
      };
    },
  };
}
