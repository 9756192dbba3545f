/** Whether a text is a Modelfile of Ollama: it has `FROM`, and what no Dockerfile has. */
export function looksLikeModelfile(text: string): boolean {
  const start = text.slice(0, 65_536);
  return (
    /^FROM\s+\S/imu.test(start) && /^(?:PARAMETER|SYSTEM|TEMPLATE|MESSAGE|ADAPTER|LICENSE)\s/mu.test(start)
  );
}
