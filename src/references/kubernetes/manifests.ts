import { BadFile } from '../bad-file.ts';
import { Findings } from '../findings.ts';
import type { Found } from '../found-image.ts';
import { givenVariables } from '../given-variables.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { readYaml } from '../yaml/read-yaml.ts';
import { yamlParts, type YamlPart } from '../yaml/yaml-parts.ts';
import { addResource, unrendered } from './resource.ts';

/** Whether a part of a file may name an image: most of what a chart makes does not. Keys may be escaped in quotes. */
const mayNameImages = /image|docker:\/\/|bundle|\{\{|\\[ux]/iu;

/** Finds the images of Kubernetes manifests, YAML or JSON, as kubectl, Helm and kustomize write them. */
export function findInManifests(file: SourceFile, context: ParseContext): Found {
  const environment = givenVariables(context);
  const findings = new Findings(file, 'kubernetes');
  for (const part of yamlParts(file.text)) {
    if (!mayNameImages.test(part.text)) continue;
    addingProblems(part, findings, () => {
      for (const resource of readYaml(file, part))
        addResource(resource, { findingsOf: () => findings, environment });
    });
  }
  return findings;
}

/** A part that is wrong does not hide what the others say. */
function addingProblems(part: YamlPart, findings: Findings, add: () => void): void {
  try {
    add();
  } catch (error) {
    if (!(error instanceof BadFile)) throw error;
    const template = part.text.indexOf('{{');
    if (template < 0) findings.addProblem(error.line, error.message);
    else findings.addUnresolved({ ...lineAt(part, template), ...unrendered });
  }
}

function lineAt({ text, line }: YamlPart, offset: number): { readonly line: number; readonly text: string } {
  const before = text.slice(0, offset).split('\n');
  const [rest = ''] = text.slice(offset).split('\n');
  return { line: line + before.length - 1, text: `${before.at(-1) ?? ''}${rest}`.trim() };
}
