import { Findings } from '../findings.ts';
import type { Found } from '../found-image.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { findInDockerfile } from './find-in-dockerfile.ts';

/** Finds the images that the Dockerfile needs which a user names: for each target, or the last stage. */
export function findInDockerfiles(file: SourceFile, context: ParseContext): Found {
  const { targets, buildArgs, platforms, build } = context;
  const findings = new Findings(file, 'dockerfile');
  if (!build) return findings;
  for (const target of targets.length === 0 ? [undefined] : targets) {
    findings.addAll(findInDockerfile(file, { target, buildArgs, platforms, contexts: new Map() }));
  }
  return findings;
}
