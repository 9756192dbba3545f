import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml, stringify } from 'yaml';
import { JsonEdit, takeBackJson } from '../../src/cli/setup/files/json-edit.ts';
import { takeBackYaml, YamlEdit } from '../../src/cli/setup/files/yaml-edit.ts';

const mirror = 'http://mirror.lan:5000';
const authority = 'mirror.lan:5000';

const parseJson = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe("entries in other people's files", () => {
  test('of any JSON object: they are there, all else is as it was, and taken back the object is what it was', () => {
    const edit = new JsonEdit([
      { path: ['registry-mirrors'], values: [mirror] },
      { path: ['insecure-registries'], values: [authority] },
    ]);
    const list = fc.array(fc.oneof(fc.string(), fc.constantFrom(mirror, authority)));
    const settings = fc
      .tuple(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.record({ 'registry-mirrors': list, 'insecure-registries': list }, { requiredKeys: [] }),
      )
      .map(([any, ours]) => ({ ...any, ...ours }));
    fc.assert(
      fc.property(settings, fc.constantFrom('', '  ', '\t', '    '), (before, indent) => {
        const text = JSON.stringify(before, null, indent);
        const edited = edit.apply(text);
        const {
          'registry-mirrors': mirrors,
          'insecure-registries': insecure,
          ...rest
        } = parseJson(edited.text);
        const { 'registry-mirrors': _mirrors, 'insecure-registries': _insecure, ...others } = parseJson(text);

        expect(mirrors).toContain(mirror);
        expect(insecure).toContain(authority);
        expect(rest).toEqual(others);
        expect(edit.apply(edited.text)).toEqual({ text: edited.text, added: [] });
        expect(parseJson(takeBackJson(edited.text, edited.added).text)).toEqual(parseJson(text));
      }),
    );
  });

  test('of any registries.yaml: they are there, and taken back it says what it said', () => {
    const edit = new YamlEdit([
      { path: ['mirrors', 'docker.io', 'endpoint'], values: [mirror] },
      { path: ['configs', authority, 'tls', 'ca_file'], value: '/ca.crt' },
    ]);
    const name = fc.constantFrom('docker.io', 'ghcr.io', '*', 'registry.lan:5000');
    const endpoint = fc.array(fc.constantFrom(mirror, 'https://a', 'https://b/v2/x'), { maxLength: 3 });
    const rewrite = fc.dictionary(fc.string(), fc.string(), { maxKeys: 2 });
    const settings = fc.record(
      {
        mirrors: fc.dictionary(name, fc.record({ endpoint, rewrite }, { requiredKeys: [] })),
        configs: fc.dictionary(
          name,
          fc.dictionary(fc.string(), fc.jsonValue({ maxDepth: 1 }), { maxKeys: 2 }),
        ),
        other: fc.jsonValue({ maxDepth: 2 }),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(settings, fc.boolean(), (before, flow) => {
        const text = stringify(before, {
          collectionStyle: flow ? 'flow' : 'any',
          aliasDuplicateObjects: false,
        });
        const edited = edit.apply(text);

        expect(parseYaml(edited.text)).toMatchObject({
          mirrors: { 'docker.io': { endpoint: expect.arrayContaining([mirror]) as unknown } },
          configs: { [authority]: { tls: { ca_file: '/ca.crt' } } },
        });
        expect(edit.apply(edited.text)).toEqual({ text: edited.text, added: [] });
        expect(parseYaml(takeBackYaml(edited.text, edited.added).text)).toEqual(parseYaml(text));
      }),
    );
  });
});
