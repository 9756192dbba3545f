import { FindingsOfFiles } from '../findings-of-files.ts';
import type { Found } from '../found-image.ts';
import { givenVariables } from '../given-variables.ts';
import type { ParseContext } from '../parse-context.ts';
import { fillIn } from '../placeholders.ts';
import type { SourceFile } from '../source-file.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { Includes } from './includes.ts';
import { ExtendedJobs, withReferences } from './merge.ts';
import { expand, type Variables } from './variables.ts';

/** Keys at the top that are no jobs. */
const keywords: ReadonlySet<string> = new Set([
  'after_script',
  'before_script',
  'cache',
  'default',
  'image',
  'include',
  'services',
  'spec',
  'stages',
  'types',
  'variables',
  'workflow',
]);

/** Jobs that one job becomes by its matrix; GitLab allows 200. */
const maxJobs = 200;

/** Finds the images of the jobs of a GitLab pipeline. */
export async function findInPipeline(file: SourceFile, context: ParseContext): Promise<Found> {
  const findings = new FindingsOfFiles('gitlab');
  const includes = new Includes({ file, context, findings });
  const merged = await includes.read(file);
  if (merged !== undefined)
    new Pipeline({ root: withReferences(merged), includes, context, findings }).find();
  return findings.found();
}

interface PipelineDeps {
  readonly root: YamlNode;
  readonly includes: Includes;
  readonly context: ParseContext;
  readonly findings: FindingsOfFiles;
}

class Pipeline {
  readonly #deps: PipelineDeps;
  readonly #given: ReadonlyMap<string, string>;
  /** What was added: jobs share defaults. */
  readonly #added = new Set<string>();

  constructor(deps: PipelineDeps) {
    this.#deps = deps;
    this.#given = givenVariables(deps.context);
  }

  find(): void {
    const { root } = this.#deps;
    const jobs = new ExtendedJobs(root);
    for (const [name, node] of root.entries) {
      // Those with a dot are there for others to extend.
      if (keywords.has(name) || name.startsWith('.') || !node.isMapping) continue;
      const job = jobs.get(name, node);
      // It runs another pipeline, and nothing in a container.
      if (job.at('trigger') === undefined) this.#addJob(name, job);
    }
  }

  #addJob(name: string, job: YamlNode): void {
    const reason = `job ${name}`;
    const image = job.at('image') ?? this.#default(job, 'image');
    const services = job.at('services') ?? this.#default(job, 'services');
    for (const variables of this.#variables(job)) {
      if (image !== undefined) this.#add(image, variables, reason);
      for (const service of services?.items.flatMap(flat) ?? []) {
        this.#add(service, variables, `service of job ${name}`);
      }
    }
  }

  /** What all jobs have that say nothing else, and whose `inherit` does not keep it out. */
  #default(job: YamlNode, key: string): YamlNode | undefined {
    const { root } = this.#deps;
    return isInherited(job, 'default', key) ? (root.at('default', key) ?? root.at(key)) : undefined;
  }

  /** The variables of each job that a job's matrix and rules make of it. */
  #variables(job: YamlNode): readonly Variables[] {
    const global = [...(this.#deps.root.at('variables')?.entries ?? [])].filter(([name]) =>
      isInherited(job, 'variables', name),
    );
    const own = new Map([...global, ...(job.at('variables')?.entries ?? [])]);
    const rules = [...this.#deps.root.itemsAt('workflow', 'rules'), ...job.itemsAt('rules')];
    const byRules = rules.flatMap((rule) => rule.at('variables') ?? []);
    const all = matrixOf(job).flatMap((values) => {
      const variables = new Map([...own, ...values]);
      return [variables, ...byRules.map(({ entries }) => new Map([...variables, ...entries]))];
    });
    return all.slice(0, maxJobs * (byRules.length + 1));
  }

  #add(node: YamlNode, variables: Variables, reason: string): void {
    const name = node.text === undefined ? node.at('name') : node;
    if (name?.text === undefined || name.text === '') return;
    const { file, line } = name;
    const findings = this.#deps.findings.of(file);
    const inputs = this.#deps.includes.inputs.get(file);
    const withInputs = fillIn(name.text, /\$\[\[\s*inputs\.([\w-]+)[^\]]*\]\]/gu, (input) =>
      inputs?.get(input),
    );
    if ('missing' in withInputs) {
      if (!this.#isNew(name, withInputs.missing)) return;
      findings.addUnresolved({
        line,
        text: name.text,
        problem: `the input ${withInputs.missing} has no default`,
        advice: undefined,
      });
      return;
    }
    const filled = expand(withInputs.text, variables, (variable) => this.#given.get(variable));
    if ('missing' in filled) {
      if (!this.#isNew(name, filled.missing)) return;
      const { missing } = filled;
      const advice = /^\w+$/u.test(missing) ? `--env ${missing}=…` : undefined;
      findings.addUnresolved({ line, text: name.text, problem: `${missing} is not set`, advice });
    } else if (isNeverPulled(node)) {
      findings.addNote(line, `${reason} takes ${filled.text} from its runner only: its pull policy is never`);
    } else if (this.#isNew(name, `${reason} ${filled.text}`)) {
      findings.addImage(filled.text, { line, reason, platform: platformOf(node) });
    }
  }

  #isNew({ file, line }: YamlNode, text: string): boolean {
    const key = JSON.stringify([file.path, line, text]);
    if (this.#added.has(key)) return false;
    this.#added.add(key);
    return true;
  }
}

/** A reference to a list within a list counts as its elements. */
function flat(node: YamlNode): readonly YamlNode[] {
  return node.isSequence ? node.items.flatMap(flat) : [node];
}

function isInherited(job: YamlNode, what: string, key: string): boolean {
  const inherit = job.at('inherit', what);
  if (inherit?.isSequence === true) return inherit.items.some(({ text }) => text === key);
  return inherit?.text !== 'false';
}

/** `parallel: matrix`: the variables of each job. */
function matrixOf(job: YamlNode): readonly (readonly (readonly [string, YamlNode])[])[] {
  const matrix = job.itemsAt('parallel', 'matrix');
  if (matrix.length === 0) return [[]];
  return matrix.flatMap(({ entries }) => {
    let jobs: (readonly (readonly [string, YamlNode])[])[] = [[]];
    for (const [name, value] of entries) {
      const values = value.isSequence ? value.items : [value];
      jobs = jobs
        .slice(0, maxJobs)
        .flatMap((one) => values.slice(0, maxJobs).map((each) => [...one, [name, each] as const]));
    }
    return jobs.slice(0, maxJobs);
  });
}

function isNeverPulled(node: YamlNode): boolean {
  const policy = node.at('pull_policy');
  const policies = policy?.text === undefined ? (policy?.items ?? []) : [policy];
  return policies.length > 0 && policies.every(({ text }) => text === 'never');
}

/** `image: docker: platform`, which Docker may have written without the system. */
function platformOf(node: YamlNode): string | undefined {
  const platform = node.textAt('docker', 'platform');
  return platform === undefined || platform.startsWith('linux/') ? platform : `linux/${platform}`;
}
