import { mkdir, readdir } from 'node:fs/promises';
import { PassThrough } from 'node:stream';
import { pino } from 'pino';
import { describe, expect, it } from 'vitest';
import type { CareContext } from '../../../src/cli/care/care.ts';
import { du } from '../../../src/cli/care/du.ts';
import { importContent } from '../../../src/cli/care/import.ts';
import { ls } from '../../../src/cli/care/ls.ts';
import { pin } from '../../../src/cli/care/pin.ts';
import { prune } from '../../../src/cli/care/prune.ts';
import { rm } from '../../../src/cli/care/rm.ts';
import { stats } from '../../../src/cli/care/stats.ts';
import { unpin } from '../../../src/cli/care/unpin.ts';
import { verify } from '../../../src/cli/care/verify.ts';
import { runProgram } from '../../../src/cli/program.ts';
import { ControlServer } from '../../../src/control/control-server.ts';
import { CareError } from '../../../src/mirror/care/care-error.ts';
import type { ImageListing } from '../../../src/mirror/care/listings.ts';
import { FolderLock } from '../../../src/store/sqlite/folder-lock.ts';
import { systemClock } from '../../../src/system-clock.ts';
import { writeConfigurationFile } from '../../support/configuration-file.ts';
import { FakeCaretaker, imageListing } from '../../support/fake-caretaker.ts';
import { TempFolder } from '../../support/temp-folder.ts';

const hour = 3_600_000;
const now = 1_700_000_000_000 + 5 * hour;

/** A data folder that a server has, whose caretaker does as a test says, and somebody who runs commands. */
class Desk implements AsyncDisposable {
  readonly caretaker = new FakeCaretaker();
  readonly interrupted = new AbortController();
  readonly #closing: AsyncDisposableStack;
  readonly options: { readonly config: string };
  out = '';
  err = '';
  /** What is drawn on a screen; undefined where there is none. */
  screen: PassThrough | undefined;

  private constructor(closing: AsyncDisposableStack, config: string) {
    this.#closing = closing;
    this.options = { config };
  }

  static async open(): Promise<Desk> {
    await using closing = new AsyncDisposableStack();
    const folder = closing.use(await TempFolder.create());
    const config = await writeConfigurationFile(folder, {});
    const data = folder.join('data');
    await mkdir(data);
    const lock = await FolderLock.take(data);
    closing.defer(() => lock.release());
    const desk = new Desk(closing.move(), config);
    const server = await ControlServer.open({
      folder: data,
      caretaker: desk.caretaker,
      clock: systemClock(),
      logger: pino({ level: 'silent' }),
    });
    desk.#closing.defer(() => server.close());
    return desk;
  }

  get context(): CareContext {
    return {
      terminal: {
        out: (text) => void (this.out += text),
        err: (text) => void (this.err += text),
        interactive: false,
        bars: this.screen,
      },
      clock: { ...systemClock(), now: () => now },
      interrupted: this.interrupted.signal,
    };
  }

  get lines(): readonly string[] {
    return this.out.split('\n').slice(0, -1);
  }

  /** The lines as JSON. */
  get json(): readonly unknown[] {
    return this.lines.map((line): unknown => JSON.parse(line));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#closing.disposeAsync();
  }
}

describe('ls', () => {
  it('shows a table', async () => {
    await using desk = await Desk.open();

    expect(await ls('node:*', desk.options, desk.context)).toBe(0);
    expect(desk.lines).toEqual([
      'IMAGE               DIGEST                  SIZE  HELD     LAST USED  PINNED',
      'node:20             sha256:0123456789ab  300 MiB  all      5h ago',
      'ghcr.io/acme/app:1  sha256:0123456789ab    512 B  in part  5h ago     ghcr.io/acme/*',
    ]);
    expect(desk.err).toBe('');
    expect(desk.caretaker.calls).toEqual([['images', { matching: 'node:*' }]]);
  });

  it('prints a JSON document a line', async () => {
    await using desk = await Desk.open();

    expect(await ls(undefined, { ...desk.options, json: true }, desk.context)).toBe(0);
    expect(desk.json).toEqual(desk.caretaker.listings);
  });

  it('shortens digests unless told otherwise', async () => {
    await using desk = await Desk.open();
    const digest = `sha256:${'ab'.repeat(32)}`;
    desk.caretaker.listings = [imageListing('node', { image: `node@${digest}`, digest, tag: null })];

    await ls(undefined, desk.options, desk.context);
    expect(desk.lines[1]).toMatch(/^node@sha256:abababababab {2}sha256:abababababab /);
    await ls(undefined, { ...desk.options, trunc: false }, desk.context);
    expect(desk.lines[3]).toContain(`node@${digest}  ${digest} `);
  });

  it('writes while images still come, in columns that hold all of them', async () => {
    await using desk = await Desk.open();
    const seen: number[] = [];
    desk.caretaker.listings = (async function* (): AsyncGenerator<ImageListing> {
      for (let index = 0; index < 1000; index += 1) {
        yield imageListing(`${'x'.repeat(index < 500 ? 4 : 40)}:${index}`);
        // Time for what was sent before to arrive.
        if (index % 250 === 249) await new Promise((resolve) => setTimeout(resolve, 20));
        seen.push(desk.lines.length);
      }
    })();

    await ls(undefined, desk.options, desk.context);
    expect(desk.lines).toHaveLength(1001);
    expect(desk.lines.at(-1)).toMatch(/^x{40}:999 {2}sha256:0123456789ab /);
    expect(Math.max(...seen)).toBeGreaterThan(500);
  });

  it('says that there is nothing', async () => {
    await using desk = await Desk.open();
    desk.caretaker.listings = [];

    expect(await ls('node', desk.options, desk.context)).toBe(0);
    expect([desk.out, desk.err]).toEqual(['', 'entrepot: nothing like node is cached\n']);
  });

  it('ends when it is interrupted', async () => {
    await using desk = await Desk.open();
    desk.caretaker.listings = (async function* (): AsyncGenerator<ImageListing> {
      for (let index = 0; ; index += 1) {
        yield imageListing(`node:${index}`);
        if (index === 10) desk.interrupted.abort(new Error('SIGINT'));
        if (index > 10) await new Promise((resolve) => setTimeout(resolve, 5));
      }
    })();

    expect(await ls(undefined, desk.options, desk.context)).toBe(1);
    expect(desk.err).toBe('entrepot: interrupted\n');
  });
});

describe('du', () => {
  it('shows a table with a total', async () => {
    await using desk = await Desk.open();

    expect(await du(desk.options, desk.context)).toBe(0);
    expect(desk.lines).toEqual([
      'REPOSITORY    TAGS  MANIFESTS   UNIQUE   SHARED    TOTAL',
      'node             1          3  1.0 GiB  2.0 GiB  3.0 GiB',
      'all together     1          3  1.0 GiB  2.0 GiB  3.0 GiB',
    ]);
  });

  it('prints a JSON document a line', async () => {
    await using desk = await Desk.open();

    await du({ ...desk.options, json: true }, desk.context);
    expect(desk.json).toEqual(desk.caretaker.usages);
  });
});

describe('rm', () => {
  it('removes each image and says what that freed', async () => {
    await using desk = await Desk.open();

    expect(await rm(['node:20'], desk.options, desk.context)).toBe(0);
    expect(desk.out).toBe('removed node:20: 3 manifests, 7 blobs, 1 MiB freed\n');
  });

  it('goes on after one that is not there, and fails in the end', async () => {
    await using desk = await Desk.open();
    const { removal } = desk.caretaker;
    let first = true;
    desk.caretaker.removal = () => {
      if (!first) return removal();
      first = false;
      return Promise.reject(new CareError('not-found', 'nodde is not cached'));
    };

    expect(await rm(['nodde', 'node:20'], desk.options, desk.context)).toBe(1);
    expect(desk.err).toBe('entrepot: nodde is not cached\n');
    expect(desk.out).toContain('removed node:20');
  });
});

describe('prune', () => {
  it('shows what went, and how much that was', async () => {
    await using desk = await Desk.open();

    expect(await prune({ ...desk.options, to: 1024, unused: hour }, desk.context)).toBe(0);
    expect(desk.lines).toEqual([
      'IMAGE                                      FREED  LAST USED',
      'node:18                                  1.0 GiB  3y ago',
      'sha256:0123456789ab, a blob of no image    1 KiB  3y ago',
      '1 image and 1 blob of no image, 1.0 GiB freed',
    ]);
    expect(desk.caretaker.calls).toEqual([['prune', { toBytes: 1024, unusedMs: hour, dryRun: false }]]);
  });

  it('says when it only would', async () => {
    await using desk = await Desk.open();

    await prune({ ...desk.options, unused: hour, dryRun: true }, desk.context);
    expect(desk.lines.at(-1)).toBe('1 image and 1 blob of no image, 1.0 GiB would be freed');
    expect(desk.caretaker.calls).toEqual([['prune', { toBytes: null, unusedMs: hour, dryRun: true }]]);
  });

  it('prints a JSON document a line', async () => {
    await using desk = await Desk.open();

    await prune({ ...desk.options, to: 0, json: true }, desk.context);
    expect(desk.json).toEqual(desk.caretaker.pruned);
  });

  it('asks what is to go', async () => {
    await using desk = await Desk.open();

    expect(await prune(desk.options, desk.context)).toBe(2);
    expect(desk.err).toContain('--to 20GiB');
  });
});

describe('pin and unpin', () => {
  it('pin each pattern', async () => {
    await using desk = await Desk.open();

    expect(await pin(['node:*', 'ghcr.io/acme/*'], desk.options, desk.context)).toBe(0);
    expect(desk.lines).toEqual(['pinned node:*', 'pinned ghcr.io/acme/*']);
    expect(desk.caretaker.calls.filter(([name]) => name === 'pin')).toEqual([
      ['pin', 'node:*'],
      ['pin', 'ghcr.io/acme/*'],
    ]);
  });

  it('say when nothing is like that', async () => {
    await using desk = await Desk.open();
    desk.caretaker.listings = [];

    expect(await pin(['nodde'], desk.options, desk.context)).toBe(0);
    expect(desk.out).toBe('pinned nodde (nothing like it is cached)\n');
    expect(desk.caretaker.calls).toContainEqual(['images', { matching: 'nodde' }]);
  });

  it('list the patterns without one', async () => {
    await using desk = await Desk.open();

    await pin([], desk.options, desk.context);
    expect(desk.lines).toEqual([
      'PATTERN         SINCE',
      'node:*          in the configuration',
      'ghcr.io/acme/*  5h ago',
    ]);
    desk.out = '';
    await pin([], { ...desk.options, json: true }, desk.context);
    expect(desk.json).toEqual(desk.caretaker.pinned);
  });

  it('tell what is no pattern by exit code 2', async () => {
    await using desk = await Desk.open();
    desk.caretaker.pinning = () => Promise.reject(new CareError('invalid', '[ is half a pair'));

    expect(await pin(['['], desk.options, desk.context)).toBe(2);
    expect(desk.err).toBe('entrepot: [ is half a pair\n');
  });

  it('end a pin, and tell one that there was not', async () => {
    await using desk = await Desk.open();

    expect(await unpin(['node:*', 'other'], desk.options, desk.context)).toBe(1);
    expect([desk.out, desk.err]).toEqual(['unpinned node:*\n', 'entrepot: other was not pinned\n']);
  });
});

describe('stats', () => {
  it('prints the cache in numbers', async () => {
    await using desk = await Desk.open();

    expect(await stats(desk.options, desk.context)).toBe(0);
    expect(desk.lines).toEqual([
      'cached      5.0 GiB in 20 blobs',
      '            2 repositories, 3 tags, 9 manifests',
      'database    1 MiB',
      'arriving    1 blob, 2 KiB',
      'quarantine  none',
      'disk        512.0 GiB of 1.0 TiB free, 900 of 1000 files',
      'limits      maxsize 8.0 GiB, minfree none',
      'quota       ghcr.io: 1.0 GiB',
      'state       pulls pass through without being kept',
      '            the disk is full',
      'scrubbing   everything within 30 days; what waits longest was verified 5h ago',
      'server      running for 2 hours, and since its start:',
      '            evicted 4 images, 2.0 GiB',
      '            hashed 6 blobs, 2.0 GiB; 1 blob damaged',
    ]);
  });

  it('prints one JSON document', async () => {
    await using desk = await Desk.open();

    await stats({ ...desk.options, json: true }, desk.context);
    expect(desk.json).toEqual([desk.caretaker.numbers]);
  });
});

describe('verify', () => {
  it('tells what it found, and fails when content is lost', async () => {
    await using desk = await Desk.open();

    expect(await verify(desk.options, desk.context)).toBe(1);
    expect(desk.lines).toEqual([
      'damaged: its bytes hash to something else (lost)',
      `  sha256:${'0123456789abcdef'.repeat(4)}`,
      '  in node:20',
      'verified 2 blobs of 100 B, 3 manifests and 1 tag: 1 damaged; "entrepot verify --repair" puts right what can be',
    ]);
    expect(desk.err).toBe('50 %  1 of 2 blobs, 50 B of 100 B\n');
    expect(desk.caretaker.calls).toEqual([['verify', { repair: false }]]);
  });

  it('says what becomes of what is lost once it is put right', async () => {
    await using desk = await Desk.open();

    expect(await verify({ ...desk.options, repair: true }, desk.context)).toBe(1);
    expect(desk.lines.slice(-2)).toEqual([
      'verified 2 blobs of 100 B, 3 manifests and 1 tag: 1 damaged; 0 repaired',
      'what is lost is fetched anew when it is next asked for',
    ]);
  });

  it('is content when all is well', async () => {
    await using desk = await Desk.open();
    desk.caretaker.verification = [
      {
        type: 'report',
        report: { blobs: 2, bytes: 100, manifests: 3, tags: 1, findings: {}, loss: false, repaired: 0 },
      },
    ];

    expect(await verify({ ...desk.options, repair: true }, desk.context)).toBe(0);
    expect(desk.out).toBe('verified 2 blobs of 100 B, 3 manifests and 1 tag: all is well\n');
    expect(desk.caretaker.calls).toEqual([['verify', { repair: true }]]);
  });

  it('fails without a report', async () => {
    await using desk = await Desk.open();
    desk.caretaker.verification = [];

    expect(await verify(desk.options, desk.context)).toBe(1);
  });

  it('prints findings and report as JSON', async () => {
    await using desk = await Desk.open();

    expect(await verify({ ...desk.options, json: true }, desk.context)).toBe(1);
    expect(desk.json).toMatchObject([{ type: 'finding' }, { type: 'report' }]);
  });

  it('draws a bar where somebody watches, and takes it away', async () => {
    await using desk = await Desk.open();
    desk.screen = new PassThrough();
    Object.assign(desk.screen, { isTTY: true, columns: 100, cursorTo: () => true, clearLine: () => true });

    await verify(desk.options, desk.context);
    expect(String(desk.screen.read())).toMatch(/\[=+ +\] 50 % {2}1 of 2 blobs/);
    expect(desk.err).toBe('');
  });

  it('tells each tenth of the way once where nobody watches', async () => {
    await using desk = await Desk.open();
    desk.caretaker.verification = Array.from({ length: 101 }, (_, bytes) => ({
      type: 'progress',
      progress: { blobs: 0, bytes, totalBlobs: 1, totalBytes: 100 },
    }));

    await verify(desk.options, desk.context);
    expect(desk.err.match(/^\d+ %/gm)).toEqual(Array.from({ length: 10 }, (_, index) => `${index + 1}0 %`));
  });
});

describe('import', () => {
  it('takes over a folder, and says what it could not', async () => {
    await using desk = await Desk.open();

    const options = { ...desk.options, upstream: 'docker.io' };
    expect(await importContent('registry:/var/lib/registry', options, desk.context)).toBe(0);
    expect(desk.lines).toEqual([
      'skipped library/node:18: a layer is missing',
      'took over 1 repository, 2 tags, 4 blobs of 2 MiB: 3 without a copy; 1 were held before; 1 skipped',
    ]);
    expect(desk.err).toBe('1 repository, 1 tag, 2 blobs of 1 MiB\n');
    expect(desk.caretaker.calls).toEqual([
      ['importRegistry', { folder: '/var/lib/registry', upstream: 'docker.io' }],
    ]);
  });

  it('means a folder as seen from here', async () => {
    await using desk = await Desk.open();

    await importContent('registry:old', { ...desk.options, json: true }, desk.context);
    expect(desk.caretaker.calls).toEqual([
      ['importRegistry', { folder: `${process.cwd()}/old`, upstream: null }],
    ]);
    expect(desk.json).toEqual(desk.caretaker.imported.slice(1));
  });

  it('asks what is to be taken over', async () => {
    await using desk = await Desk.open();

    expect(await importContent('/var/lib/registry', desk.options, desk.context)).toBe(2);
    expect(desk.err).toContain('registry:/var/lib/registry');
  });
});

describe('a command where there is no data folder', () => {
  it.each([
    ['ls', 0, (options: object, context: CareContext) => ls(undefined, options, context)],
    ['rm', 1, (options: object, context: CareContext) => rm(['node'], options, context)],
  ])('such as %s says so and makes none', async (_name, code, command) => {
    await using desk = await Desk.open();
    await using folder = await TempFolder.create();
    const config = await writeConfigurationFile(folder, {});

    expect(await command({ config }, desk.context)).toBe(code);
    expect(desk.err).toBe(`entrepot: nothing is cached: there is no folder ${folder.join('data')}\n`);
    expect(await readdir(folder.path)).toEqual(['config.yml']);
  });

  it('tells what is wrong with a configuration', async () => {
    await using desk = await Desk.open();

    expect(await ls(undefined, { config: '/nowhere.yml' }, desk.context)).toBe(2);
    expect(desk.err).toContain('/nowhere.yml');
  });
});

describe('the command line of care', () => {
  it.each([
    [['prune', '--to', 'much'], 'It is not a size'],
    [['prune', '--unused', '3'], 'It is not a duration'],
    [['prune', '--unused', '-3d'], 'It is not a duration'],
    [['rm'], "missing required argument 'image'"],
    [['unpin'], "missing required argument 'pattern'"],
    [['ls', '--sizes'], "unknown option '--sizes'"],
  ])('answers %j with exit code 2 and a hint', async (args, hint) => {
    let err = '';
    const code = await runProgram(args, {
      out: () => undefined,
      err: (text) => void (err += text),
      interactive: false,
    });

    expect(code).toBe(2);
    expect(err).toContain(hint);
  });

  it('show nothing that a terminal would obey, whatever the server says', async () => {
    await using desk = await Desk.open();
    const hidden = 'node:20\u001b[2K\u001b]52;c;cm0=\u0007\r\u009b1A';
    desk.caretaker.listings = [imageListing('node', { image: hidden, pinnedBy: 'a\tb' })];
    desk.caretaker.removal = () => Promise.reject(new CareError('failed', `${hidden} is stuck`));

    for (const args of [['ls'], ['ls', '--json'], ['rm', hidden]])
      await runProgram([...args, '--config', desk.options.config], desk.context.terminal);

    expect(desk.lines).toHaveLength(3);
    expect(desk.lines[1]).toMatch(/^node:20\?\[2K\?\]52;c;cm0=\?\?\?1A .* a\?b$/);
    expect(desk.err).toContain('node:20?[2K?]52;');
    expect(desk.out + desk.err).not.toMatch(/[^\P{Cc}\n]/u);
  });
});
