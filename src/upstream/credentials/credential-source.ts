import { isAbsolute } from 'node:path';
import type { BasicCredentials } from '../../base/basic-auth.ts';

/** Credentials written out in the configuration, whatever the upstream's host. */
interface StaticSource extends BasicCredentials {
  readonly kind: 'static';
}

/** What `docker login` left behind. */
export interface DockerConfigSource {
  readonly kind: 'docker-config';
  /** An absolute path; undefined when there is no such file to look for. */
  readonly file: string | undefined;
  /** The text of `DOCKER_AUTH_CONFIG`, which comes before the file; undefined when it is not set. */
  readonly text: string | undefined;
}

/** A credential helper, run when credentials are needed. */
export interface HelperSource {
  readonly kind: 'helper';
  /** `docker-credential-NAME`, looked for in `PATH`, or an absolute path. */
  readonly program: string;
  /** How long what it says is used, in milliseconds; 0 runs it for every request, Infinity once. */
  readonly lifetimeMs: number;
}

/** Where an upstream's credentials come from, as configured. Holds secrets: not to be logged. */
export type CredentialSource = StaticSource | DockerConfigSource | HelperSource;

/** A name to be looked for in `PATH`: nothing that leads to another folder, or is taken for an option. */
const plainName = /^\w[\w.-]*$/;

/** Whether `program` may be a credential helper: a plain name, or an absolute path. */
export function isHelperProgram(program: string): boolean {
  return plainName.test(program) || (isAbsolute(program) && !program.includes('\0'));
}
