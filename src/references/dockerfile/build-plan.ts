import { getOrMake } from '../../base/get-or-make.ts';
import { BadFile } from '../bad-file.ts';
import type { Stage, StageSource } from './stages.ts';

/** A stage as a build takes it, or an image that a stage only takes files from. */
export interface PlannedStage {
  /** Undefined for such an image. */
  readonly stage: Stage | undefined;
  /** What it begins with, variables in their place. */
  readonly base: string;
  readonly line: number;
  /** What names its base: `FROM`, `COPY --from`. */
  readonly reason: string;
  /** The stage that its base is; undefined where that is an image. */
  readonly parent: PlannedStage | undefined;
  /** What it takes files from. */
  readonly sources: PlannedStage[];
  /** Its number among all of them, from 0. */
  readonly position: number;
}

/** Which stages a build needs, and which images with them, as BuildKit decides it. */
export class BuildPlan {
  readonly #path: string;
  readonly #planned: PlannedStage[] = [];
  readonly #byName = new Map<string, PlannedStage>();

  /**
   * @param bases of the stages, variables in their place
   * @throws {BadFile}
   */
  constructor(path: string, stages: readonly Stage[], bases: readonly string[]) {
    this.#path = path;
    for (const [index, stage] of stages.entries()) {
      this.#add({ stage, base: bases[index] ?? '', line: stage.line, reason: 'FROM' });
    }
    for (const planned of this.#planned) {
      for (const source of planned.stage?.sources ?? []) this.#link(planned, source);
    }
    this.#refuseCircles();
  }

  /**
   * All that a stage needs, itself included; those of `ONBUILD` in stages that others begin with, too.
   * @param target the name of a stage; undefined: the last one
   * @throws {BadFile}
   */
  needs(target: string | undefined): ReadonlySet<PlannedStage> {
    const wanted = target === undefined ? this.#lastStage : this.#byName.get(target.toLowerCase());
    if (wanted === undefined) throw this.#bad(undefined, `has no stage ${target ?? ''}`);
    const triggered = new Set<PlannedStage>();
    for (;;) {
      const needed = reachable(wanted);
      const waiting = [...needed].filter((one) => !triggered.has(one) && onBuildOf(one).length > 0);
      if (waiting.length === 0) {
        this.#refuseLater(needed);
        return needed;
      }
      for (const one of waiting) {
        triggered.add(one);
        for (const source of onBuildOf(one)) this.#link(one, source);
      }
    }
  }

  get #lastStage(): PlannedStage | undefined {
    return this.#planned.findLast(({ stage }) => stage !== undefined);
  }

  #add(planned: Omit<PlannedStage, 'parent' | 'sources' | 'position'>): PlannedStage {
    const parent = this.#byName.get(planned.base);
    const added = { ...planned, parent, sources: [], position: this.#planned.length };
    this.#planned.push(added);
    if (planned.stage?.name !== undefined) this.#byName.set(planned.stage.name, added);
    return added;
  }

  #link(planned: PlannedStage, { name, line, reason }: StageSource): void {
    planned.sources.push(
      this.#numbered(name, line, reason) ??
        this.#byName.get(name.toLowerCase()) ??
        this.#add({ stage: undefined, base: name, line, reason }),
    );
  }

  /** Only `COPY` takes numbers. */
  #numbered(name: string, line: number, reason: string): PlannedStage | undefined {
    if (!reason.endsWith('COPY --from') || !/^[+-]?\d+$/u.test(name)) return undefined;
    const planned = this.#planned[Number(name)];
    if (planned === undefined) throw this.#bad(line, `has no stage ${name}`);
    return planned;
  }

  /** Takes away what needs nothing that is left, until that is all, or a circle. */
  #refuseCircles(): void {
    const open = new Map(this.#planned.map((one) => [one, neighbours(one).length]));
    const users = new Map<PlannedStage, PlannedStage[]>();
    for (const one of this.#planned) {
      for (const needed of neighbours(one)) getOrMake(users, needed, () => []).push(one);
    }
    const free = this.#planned.filter((one) => open.get(one) === 0);
    for (let one = free.pop(); one !== undefined; one = free.pop()) {
      open.delete(one);
      for (const user of users.get(one) ?? []) {
        const left = (open.get(user) ?? 0) - 1;
        open.set(user, left);
        if (left === 0) free.push(user);
      }
    }
    const [first] = open.keys();
    if (first !== undefined) throw this.#bad(first.line, 'a stage that needs itself, in a circle');
  }

  #refuseLater(needed: ReadonlySet<PlannedStage>): void {
    for (const { line, sources, position } of needed) {
      const later = sources.find((source) => source.stage !== undefined && source.position > position);
      if (later !== undefined) {
        throw this.#bad(line, `the stage takes files from ${later.stage?.name ?? ''}, which comes after it`);
      }
    }
  }

  #bad(line: number | undefined, message: string): BadFile {
    return new BadFile({ file: this.#path, line, message });
  }
}

function neighbours({ parent, sources }: PlannedStage): readonly PlannedStage[] {
  return parent === undefined ? sources : [parent, ...sources];
}

function onBuildOf({ parent }: PlannedStage): readonly StageSource[] {
  return parent?.stage?.onBuild ?? [];
}

function reachable(from: PlannedStage): ReadonlySet<PlannedStage> {
  const reached = new Set([from]);
  // A set is iterated to its end, what is added meanwhile included.
  for (const planned of reached) for (const next of neighbours(planned)) reached.add(next);
  return reached;
}
