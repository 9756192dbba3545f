import { data } from '@actions/expressions';
import { FindingsOfFiles } from '../findings-of-files.ts';
import type { Found } from '../found-image.ts';
import { givenVariables } from '../given-variables.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { readOneYaml } from '../yaml/read-yaml.ts';
import type { YamlNode } from '../yaml/yaml-node.ts';
import { ActionReader } from './action.ts';
import { contextsOf, type Given } from './contexts.ts';
import { unknownValue, valueOf, type Contexts } from './expressions.ts';
import { FieldReader } from './field-reader.ts';
import { combinationsOf, type Combination } from './matrix.ts';
import { Repository } from './repository.ts';

/** Workflows in one another; GitHub allows ten. */
const maxDepth = 10;

/** Workflows that are read for one; GitHub allows fifty. */
const maxCalls = 200;

/** Finds the images of a workflow's containers, services and steps, or of an action. */
export async function findInWorkflow(file: SourceFile, context: ParseContext): Promise<Found> {
  const findings = new FindingsOfFiles('github');
  const root = readOneYaml(file);
  const fields = new FieldReader({ findings });
  const repository = new Repository(file, context);
  const actions = new ActionReader({ findings, fields, repository, context });
  const workflows = new WorkflowReader({ findings, fields, actions, repository, context });
  if (root?.at('runs') !== undefined && root.at('jobs') === undefined) await actions.read(file, root);
  else if (root !== undefined) await workflows.read(root, new Map(), 0);
  return findings.found();
}

interface WorkflowReaderDeps {
  readonly findings: FindingsOfFiles;
  readonly fields: FieldReader;
  readonly actions: ActionReader;
  readonly repository: Repository;
  readonly context: ParseContext;
}

class WorkflowReader {
  readonly #deps: WorkflowReaderDeps;
  #calls = 0;

  constructor(deps: WorkflowReaderDeps) {
    this.#deps = deps;
  }

  /** @param given the inputs, from the workflow that calls this one */
  async read(workflow: YamlNode, given: Given, depth: number): Promise<void> {
    const environment = givenVariables(this.#deps.context);
    const contexts = contextsOf({ workflow, given, environment });
    for (const [id, job] of workflow.at('jobs')?.entries ?? []) {
      for (const combination of this.#combinations(job, contexts)) {
        const matrix = new data.Dictionary(...[...combination].map(([key, value]) => ({ key, value })));
        await this.#readJob(id, job, new Map([...contexts, ['matrix', matrix]]), depth);
      }
    }
  }

  #combinations(job: YamlNode, contexts: Contexts): readonly Combination[] {
    const matrix = job.at('strategy', 'matrix');
    if (matrix === undefined) return [new Map()];
    try {
      const combinations = combinationsOf(valueOf(matrix, contexts));
      if (combinations !== undefined) return combinations;
      this.#deps.findings
        .of(matrix.file)
        .addProblem(matrix.line, 'this matrix makes more jobs than GitHub would run');
      return [];
    } catch (error) {
      this.#deps.fields.addUnknown(matrix, unknownValue(error));
      return [];
    }
  }

  async #readJob(id: string, job: YamlNode, contexts: Contexts, depth: number): Promise<void> {
    const { fields, actions } = this.#deps;
    const container = job.at('container');
    fields.read(container?.at('image') ?? container, contexts, `job ${id}`);
    const services = job.at('services');
    for (const [name, service] of services?.entries ?? []) {
      fields.read(service.at('image') ?? service, contexts, `service ${name} of job ${id}`);
    }
    await actions.readSteps(job.itemsAt('steps'), `job ${id}`);
    const uses = job.at('uses');
    if (uses?.text !== undefined) await this.#readCalled(uses, job, contexts, depth);
  }

  /** A workflow that a job calls. */
  async #readCalled(uses: YamlNode, job: YamlNode, contexts: Contexts, depth: number): Promise<void> {
    const findings = this.#deps.findings.of(uses.file);
    const path = uses.text ?? '';
    if (!path.startsWith('./')) {
      findings.addNote(
        uses.line,
        `${path} is in another repository: which images it needs is not known here`,
      );
      return;
    }
    this.#calls += 1;
    const file = await this.#deps.repository.read(path);
    const called = file && readOneYaml(file);
    if (called === undefined) {
      findings.addProblem(uses.line, `there is no workflow ${path}`);
      return;
    }
    if (depth >= maxDepth || this.#calls > maxCalls) {
      findings.addProblem(uses.line, `calls more workflows than GitHub would run: ${path}`);
      return;
    }
    await this.read(called, this.#given(job, contexts), depth + 1);
  }

  #given(job: YamlNode, contexts: Contexts): Given {
    const given = new Map<string, () => data.ExpressionData>();
    for (const [name, node] of job.at('with')?.entries ?? []) given.set(name, () => valueOf(node, contexts));
    return given;
  }
}
