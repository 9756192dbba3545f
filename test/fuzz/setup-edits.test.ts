import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { parse as parseYaml, stringify } from 'yaml';
import { addToLists, removeFromLists } from '../../src/cli/setup/files/json-lists.ts';
import { removeYamlEntries } from '../../src/cli/setup/files/yaml-entries.ts';

const mirror = 'http://mirror.lan:5000';
const authority = 'mirror.lan:5000';

const parseJson = (text: string): Record<string, unknown> => JSON.parse(text) as Record<string, unknown>;

describe("entries in other people's files", () => {
  test('of any JSON object: they are there, all else is as it was, and taken back the object is what it was', () => {
    const lists = { 'registry-mirrors': [mirror], 'insecure-registries': [authority] };
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
        const edited = addToLists(text, lists);
        const {
          'registry-mirrors': mirrors,
          'insecure-registries': insecure,
          ...rest
        } = parseJson(edited.text);
        const { 'registry-mirrors': _mirrors, 'insecure-registries': _insecure, ...others } = parseJson(text);

        expect(mirrors).toContain(mirror);
        expect(insecure).toContain(authority);
        expect(rest).toEqual(others);
        expect(addToLists(edited.text, lists)).toEqual({ text: edited.text, added: [] });
        expect(parseJson(removeFromLists(edited.text, edited.added).text)).toEqual(parseJson(text));
      }),
    );
  });

  test('of any registries.yaml: what earlier versions added is taken back, and it says what it said', () => {
    const name = fc.constantFrom('docker.io', 'ghcr.io', '*', 'registry.lan:5000');
    const endpoint = fc.array(fc.constantFrom('https://a', 'https://b/v2/x'), { maxLength: 3 });
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
      fc.property(settings, fc.boolean(), (given, flow) => {
        const before = structuredClone(given);
        delete before.configs?.[authority];
        const hub = before.mirrors?.['docker.io'];
        const after = {
          ...before,
          mirrors: {
            ...before.mirrors,
            'docker.io': { ...hub, endpoint: [mirror, ...(hub?.endpoint ?? [])] },
          },
          configs: { ...before.configs, [authority]: { tls: { ca_file: '/ca.crt' } } },
        };
        const added = [
          {
            path: ['mirrors', 'docker.io', 'endpoint'],
            values: [mirror],
            depth: hub?.endpoint ? 3 : hub ? 2 : before.mirrors ? 1 : 0,
          },
          { path: ['configs', authority, 'tls', 'ca_file'], depth: before.configs ? 1 : 0 },
        ];
        const text = stringify(after, {
          collectionStyle: flow ? 'flow' : 'any',
          aliasDuplicateObjects: false,
        });

        expect(parseYaml(removeYamlEntries(text, added).text)).toEqual(parseYaml(stringify(before)));
      }),
    );
  });
});
