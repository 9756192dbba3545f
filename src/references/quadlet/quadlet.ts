import { basename } from 'node:path';
import type { Platform } from '../../oci/platform.ts';
import { findInDockerfile } from '../dockerfile/find-in-dockerfile.ts';
import { FindingsOfFiles } from '../findings-of-files.ts';
import type { Found } from '../found-image.ts';
import { givenVariables } from '../given-variables.ts';
import { findInManifests } from '../kubernetes/manifests.ts';
import type { ParseContext } from '../parse-context.ts';
import type { SourceFile } from '../source-file.ts';
import { UnitFile, type UnitEntry } from './unit-file.ts';
import { unitText, unquoted } from './unit-text.ts';

/** The transports of images that are no registries. */
const otherTransports = /^(?:containers-storage|dir|docker-archive|docker-daemon|oci|oci-archive):/u;

/** Finds the images that Podman would pull for a quadlet: `web.container` and its kin. */
export async function findInQuadlet(file: SourceFile, context: ParseContext): Promise<Found> {
  const findings = new FindingsOfFiles('quadlet');
  await new QuadletReader({ findings, context }).read(file);
  return findings.found();
}

interface QuadletReaderDeps {
  readonly findings: FindingsOfFiles;
  readonly context: ParseContext;
}

/** A unit that is being read. */
interface Quadlet {
  readonly file: SourceFile;
  readonly name: string;
  readonly unit: UnitFile;
}

class QuadletReader {
  readonly #deps: QuadletReaderDeps;
  /** Units that were read, which may be named several times. */
  readonly #read = new Set<string>();

  constructor(deps: QuadletReaderDeps) {
    this.#deps = deps;
  }

  async read(file: SourceFile): Promise<void> {
    if (this.#read.has(file.path)) return;
    this.#read.add(file.path);
    const name = basename(file.path);
    const unit = UnitFile.read([file, ...(await this.#dropIns(file, name))]);
    const quadlet = { file, name, unit };
    await this.#addImage(quadlet, unit.last('Image', 'Image'), platformOf(unit));
    await this.#addImage(quadlet, unit.last('Artifact', 'Artifact'));
    await this.#readContainer(quadlet);
    if (unit.last('Volume', 'Driver')?.value === 'image')
      await this.#addImage(quadlet, unit.last('Volume', 'Image'));
    for (const yaml of unit.all('Kube', 'Yaml')) await this.#readManifests(quadlet, yaml);
    if (name.endsWith('.build')) await this.#readBuild(quadlet);
  }

  async #readContainer(quadlet: Quadlet): Promise<void> {
    const { unit } = quadlet;
    const image = unit.last('Container', 'Image');
    if (image !== undefined && unit.last('Container', 'Pull')?.value === 'never') {
      const message = `${quadlet.name} takes ${image.value} from this machine only: its Pull is never`;
      this.#deps.findings.of(image.file).addNote(image.line, message);
    } else {
      await this.#addImage(quadlet, image);
    }
    for (const mount of unit.all('Container', 'Mount')) {
      const options = new Map(unquoted(mount.value).split(',').map(pair));
      const source = options.get('source') ?? options.get('src') ?? '';
      if (options.get('type') === 'image') await this.#addImage(quadlet, { ...mount, value: source });
    }
  }

  /** An image, or the unit that pulls or builds it. */
  async #addImage(quadlet: Quadlet, entry: UnitEntry | undefined, platform?: string): Promise<void> {
    if (entry === undefined) return;
    const { findings, context } = this.#deps;
    const { file, line, value } = entry;
    const text = unquoted(value);
    if (/\.(?:image|build)$/u.test(text)) {
      const unit = await context.read(text, quadlet.file);
      if (unit !== undefined) await this.read(unit);
      else findings.of(file).addProblem(line, `there is no unit ${text}`);
      return;
    }
    const filled = unitText(value, { ...quadlet, environment: givenVariables(context) });
    if ('missing' in filled) {
      const isSpecifier = filled.missing.startsWith('%');
      findings.of(file).addUnresolved({
        line,
        text: value,
        problem: isSpecifier ? `only systemd knows ${filled.missing}` : `${filled.missing} is not set`,
        advice: isSpecifier ? undefined : `--env ${filled.missing}=…`,
      });
    } else if (filled.text.startsWith('localhost/') || otherTransports.test(filled.text)) {
      findings.of(file).addNote(line, `${filled.text} is on this machine: no registry has it`);
    } else {
      const image = filled.text.replace(/^docker:\/\//u, '');
      findings.of(file).addImage(image, { line, reason: quadlet.name, platform });
    }
  }

  async #readManifests({ file }: Quadlet, { file: from, line, value }: UnitEntry): Promise<void> {
    const { findings, context } = this.#deps;
    const path = unquoted(value);
    const manifests = await context.read(path, file);
    if (manifests === undefined) findings.of(from).addProblem(line, `there is no file ${path}`);
    else findings.of(from).addAll(findInManifests(manifests, context));
  }

  async #readBuild(quadlet: Quadlet): Promise<void> {
    const { findings, context } = this.#deps;
    const { file, unit } = quadlet;
    if (!context.build) return;
    const entry = unit.last('Build', 'File') ?? unit.last('Build', 'SetWorkingDirectory');
    const paths = containerfiles(unit);
    const isElsewhere = paths.some((path) => /:\/\/|\.git$/u.test(path));
    for (const path of isElsewhere ? [] : paths) {
      const containerfile = await context.read(path, file);
      if (containerfile === undefined) continue;
      findings.of(containerfile).addAll(findInDockerfile(containerfile, buildOf(unit, context)));
      return;
    }
    const { line } = entry ?? { line: 1 };
    if (isElsewhere)
      findings
        .of(file)
        .addNote(line, 'builds what is on another host: which images that needs is not known here');
    else findings.of(file).addProblem(line, `there is no ${paths.join(' or ')}`);
  }

  /** What is laid over a unit, as systemd looks for it: `container.d`, `web-.container.d`, `web-1.container.d`. */
  async #dropIns(file: SourceFile, name: string): Promise<readonly SourceFile[]> {
    const found = new Map<string, SourceFile>();
    for (const folder of dropInFolders(name)) {
      for (const each of (await this.#deps.context.list(folder, file)) ?? []) {
        const conf = each.endsWith('.conf')
          ? await this.#deps.context.read(`${folder}/${each}`, file)
          : undefined;
        // A later folder's file stands in for one of the same name.
        if (conf !== undefined) found.set(each, conf);
      }
    }
    return [...found].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, conf]) => conf);
  }
}

function pair(text: string): readonly [string, string] {
  const [key = '', ...value] = text.split('=');
  return [key, value.join('=')];
}

/** From the most general to that of the unit alone. */
function dropInFolders(name: string): readonly string[] {
  const [, stem = '', type = ''] = /^(.*)\.([^.]*)$/su.exec(name) ?? [];
  const [template, instance] = stem.split('@', 2);
  const dashes = [...(template ?? '').matchAll(/-/gu)].map(({ index }) => stem.slice(0, index + 1));
  const names =
    instance === undefined || instance === '' ? [...dashes, stem] : [...dashes, `${template ?? ''}@`, stem];
  return [`${type}.d`, ...names.map((one) => `${one}.${type}.d`)];
}

/** Where a build's Containerfile may be, seen from its unit. */
function containerfiles(unit: UnitFile): readonly string[] {
  const file = unit.last('Build', 'File');
  const given = unquoted(unit.last('Build', 'SetWorkingDirectory')?.value ?? 'unit');
  const path = file && unquoted(file.value);
  if (path !== undefined && (given === 'unit' || given === 'file' || /^\/|:\/\//u.test(path))) return [path];
  const folder = given === 'unit' ? '.' : given;
  return path === undefined
    ? [`${folder}/Containerfile`, `${folder}/Dockerfile`]
    : [`${folder}/${path}`, path];
}

function buildOf(
  unit: UnitFile,
  { buildArgs, platforms }: ParseContext,
): Parameters<typeof findInDockerfile>[1] {
  const own = unit.all('Build', 'BuildArg').map(({ value }) => pair(unquoted(value)));
  const target = unit.last('Build', 'Target');
  const architecture = unit.last('Build', 'Arch')?.value;
  const variant = unit.last('Build', 'Variant')?.value;
  const built: readonly Platform[] =
    architecture === undefined
      ? platforms
      : [{ os: 'linux', architecture, ...(variant === undefined ? {} : { variant }) }];
  return {
    target: target && unquoted(target.value),
    buildArgs: new Map([...own, ...buildArgs]),
    platforms: built,
    contexts: new Map(),
  };
}

/** The platform of an `.image`, where it says so. */
function platformOf(unit: UnitFile): string | undefined {
  const [os, architecture, variant] = ['OS', 'Arch', 'Variant'].map((key) => unit.last('Image', key)?.value);
  if (architecture === undefined) return undefined;
  return [os ?? 'linux', architecture, variant].filter((part) => part !== undefined).join('/');
}
