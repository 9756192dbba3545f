import { describe, expect, it } from 'vitest';
import { FindFixture, imagesOf, remarksOf } from '../../support/find-fixture.ts';

async function find(text: string, files: Readonly<Record<string, string | Uint8Array>> = {}) {
  await using fixture = await FindFixture.of({ Modelfile: text, ...files });
  return await fixture.find('Modelfile');
}

describe('a Modelfile', () => {
  it.each([
    ['llama3.2', 'registry.ollama.ai/library/llama3.2:latest'],
    ['llama3.2:1b', 'registry.ollama.ai/library/llama3.2:1b'],
    ['"llama3.2"', 'registry.ollama.ai/library/llama3.2:latest'],
    ['acme/tutor:2', 'registry.ollama.ai/acme/tutor:2'],
    ['hf.co/acme/tutor:q4', 'hf.co/acme/tutor:q4'],
    ['https://models.example:8443/acme/tutor', 'models.example:8443/acme/tutor:latest'],
  ])('FROM %s is a model of a registry', async (from, image) => {
    const found = await find(`# tutor\nfrom ${from}\nPARAMETER temperature 1\n`);
    expect(imagesOf(found)).toEqual([image]);
    expect(found.images[0]).toMatchObject({ line: 2, kind: 'modelfile', reason: 'FROM' });
  });

  it.each(['./tutor.gguf', '/models/tutor', '~/tutor', 'tutor.Q4.gguf', '../tutor', '.'])(
    'FROM %s is a file, and names none',
    async (from) => {
      const found = await find(`FROM ${from}\n`);
      expect(found).toEqual({ images: [], unresolved: [], notes: [], problems: [] });
    },
  );

  it('takes a file beside it before a model of that name', async () => {
    expect(imagesOf(await find('FROM tutor\n', { tutor: Buffer.from([0, 1, 2]) }))).toEqual([]);
    expect(imagesOf(await find('FROM tutor\n', { 'tutor/x': '' }))).toEqual([]);
  });

  it('does not look into texts that go on over lines', async () => {
    const text =
      'FROM a\nSYSTEM """You say\nFROM b\n"""\nTEMPLATE """{{ .Prompt }}"""\nMESSAGE user "x\nFROM c"\nLICENSE "z"\n';
    expect(imagesOf(await find(text))).toEqual(['registry.ollama.ai/library/a:latest']);
  });

  it('has what is wrong with it named with its line', async () => {
    expect(remarksOf((await find('FROM a\nRUN x\n')).problems)).toEqual(['Modelfile:2: unknown command RUN']);
    expect(remarksOf((await find('FROM a\nSYSTEM """x\n')).problems)).toEqual([
      'Modelfile:2: the text after SYSTEM has no end',
    ]);
    expect(remarksOf((await find('PARAMETER x 1\n')).problems)).toEqual(['Modelfile: has no FROM']);
    expect((await find('FROM hf.co/acme/Tutor-GGUF:Q4\n')).unresolved).toMatchObject([
      { line: 1, text: 'FROM hf.co/acme/Tutor-GGUF:Q4' },
    ]);
  });

  it('is known by its content, and is no Dockerfile', async () => {
    await using files = await FindFixture.of({
      tutor: 'FROM llama3.2\nPARAMETER temperature 1\n',
      image: 'FROM alpine\n',
    });
    expect(imagesOf(await files.find('tutor'))).toEqual(['registry.ollama.ai/library/llama3.2:latest']);
    expect(imagesOf(await files.find('image'))).toEqual(['docker.io/library/alpine:latest']);
  });
});
