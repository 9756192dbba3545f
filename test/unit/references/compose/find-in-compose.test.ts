import { describe, expect, it } from 'vitest';
import { imageReferenceText } from '../../../../src/oci/image-reference.ts';
import { findInCompose } from '../../../../src/references/compose/find-in-compose.ts';
import type { Found } from '../../../../src/references/found-image.ts';
import type { ParseContext } from '../../../../src/references/parse-context.ts';
import { ProjectInMemory } from '../../../support/project-in-memory.ts';

type Files = Readonly<Record<string, string>>;

/** What is found if these of the files are named, or the first one is found in their folder. */
async function findIn(
  files: Files,
  named?: readonly string[],
  more: Partial<ParseContext> = {},
): Promise<Found> {
  const project = new ProjectInMemory(files);
  const [first = '', ...overrides] = named ?? Object.keys(files);
  return await findInCompose(
    project.file(first),
    project.context({
      overrides: named === undefined ? [] : overrides.map((name) => project.file(name)),
      isFromFolder: named === undefined,
      ...more,
    }),
  );
}

async function findInText(text: string, more: Partial<ParseContext> = {}): Promise<Found> {
  return await findIn({ 'compose.yaml': text }, ['compose.yaml'], more);
}

function images({ images: found }: Found): readonly string[] {
  return found.map(({ reference }) => imageReferenceText(reference)).sort();
}

/** Where images stand: `compose.yaml:3 service web`. */
function places({ images: found }: Found): readonly string[] {
  return found.map(({ file, line, reason }) => `${file.replace('/project/', '')}:${line} ${reason}`).sort();
}

const service = (image: string): string => `services:\n  web: {image: ${image}}\n`;

describe('an image in a Compose file', () => {
  it('is told with its file and line, whichever file has the last word', async () => {
    const found = await findIn(
      {
        'a.yaml': 'services:\n  web:\n    image: nginx\n  db:\n    image: pg\n',
        'b.yaml': 'x: &x\n  a\nservices:\n  web:\n    image: httpd\n'.replace('x:', 'x-a:'),
      },
      ['a.yaml', 'b.yaml'],
    );
    expect(places(found)).toEqual(['a.yaml:5 service db', 'b.yaml:5 service web']);
  });

  it('is told where it stands in what is extended, included or merged', async () => {
    const found = await findIn(
      {
        'compose.yaml':
          'x-a: &a\n  image: nginx\ninclude: [inc.yaml]\nservices:\n  one: {<<: *a}\n  two: {extends: {file: sub/base.yaml, service: b}}\n',
        'inc.yaml': '\n\nservices:\n  three: {image: pg}\n',
        'sub/base.yaml': 'services:\n\n  b: {image: redis}\n',
      },
      ['compose.yaml'],
    );
    expect(places(found)).toEqual([
      'compose.yaml:2 service one',
      'inc.yaml:4 service three',
      'sub/base.yaml:3 service two',
    ]);
  });

  it('of a Dockerfile in the file is told at its own line', async () => {
    const found = await findInText(
      'services:\n  web:\n    build:\n      dockerfile_inline: |\n        # a comment\n        FROM node\n  one:\n    build: {dockerfile_inline: FROM pg}\n',
    );
    expect(places(found)).toEqual(['compose.yaml:6 FROM', 'compose.yaml:8 FROM']);
  });

  it('need not be in a registry if it is built', async () => {
    const text =
      'services:\n  web: {image: acme/web, build: {dockerfile_inline: FROM scratch}}\n  two: {image: acme/web}\n  db: {image: pg}\n';
    const optional = (found: Found): readonly string[] =>
      found.images.map(({ reason, optional: why }) => `${reason}: ${why ?? 'it must be there'}`);
    expect(optional(await findInText(text))).toEqual([
      'service web: it can be built',
      'service two: it can be built',
      'service db: it must be there',
    ]);
    expect(optional(await findInText(text, { build: false }))).toEqual([
      'service web: it must be there',
      'service two: it must be there',
      'service db: it must be there',
    ]);
  });

  it('is told as it stands where a variable is missing, with what to give', async () => {
    const { unresolved } = await findInText(
      service('"nginx:${TAG}"').concat('  db: {image: "pg:${V:?which one}"}\n'),
    );
    expect(unresolved).toEqual([
      {
        file: '/project/compose.yaml',
        line: 2,
        text: 'nginx:${TAG}',
        problem: 'TAG is not set',
        advice: '--env TAG=…',
      },
      {
        file: '/project/compose.yaml',
        line: 3,
        text: 'pg:${V:?which one}',
        problem: 'V is required and not set: which one',
        advice: '--env V=…',
      },
    ]);
  });

  it('may do without a variable, which is noted', async () => {
    const found = await findInText(service('"nginx${SUFFIX}"'));
    expect(images(found)).toEqual(['docker.io/library/nginx:latest']);
    expect(found.notes).toEqual([
      {
        file: '/project/compose.yaml',
        line: 2,
        message: 'SUFFIX is not set: Compose puts nothing in its place',
      },
    ]);
  });
});

describe('secrets', () => {
  const secret = 'correct-horse-battery-staple';

  it('that no image needs are not needed', async () => {
    const text =
      'services:\n  web:\n    image: nginx\n    environment: {PASSWORD: "${PASSWORD:?set it}"}\n    env_file: secret.env\n    secrets: [key]\n' +
      '    build: {dockerfile_inline: FROM node, args: {TOKEN: "${TOKEN:?set it}"}, secrets: [key]}\nsecrets: {key: {file: none}}\n';
    const found = await findInText(text);
    expect(images(found)).toEqual(['docker.io/library/nginx:latest', 'docker.io/library/node:latest']);
    expect({ ...found, images: [] }).toEqual({ images: [], unresolved: [], notes: [], problems: [] });
  });

  it('are not told, whatever is wrong', async () => {
    const env = new Map([['SECRET', secret]]);
    const texts = [
      service('"nginx:${TAG:?$SECRET}"'),
      service('"nginx:${TAG:?${SECRET}}"').concat(
        '    environment: ["A=${SECRET}"]\n'.replace('    ', '  b: {image: x, ').replace(']\n', ']}\n'),
      ),
      service('"x:${TAG:-${SECRET:+${MISSING:?}}}"'),
      'services:\n  web: {build: {context: ., args: {A: "${SECRET}"}}}\n',
      'services:\n  web: {image: x, platform: "${NOT}", environment: {A: "${SECRET}"}}\n',
    ];
    for (const text of texts) {
      const told = await findIn({ 'compose.yaml': text, Dockerfile: 'ARG A\nFROM node' }, ['compose.yaml'], {
        environment: env,
      }).then(
        (found) => JSON.stringify(found),
        (error: unknown) => String(error),
      );
      expect(told).not.toContain(secret);
    }
  });

  it('in an env file that is malformed are not told', async () => {
    for (const line of [`A="${secret}`, `A B=${secret}`, `${secret}!=1`, `A='${secret}`]) {
      const files = { 'compose.yaml': service('nginx'), '.env': `OK=1\n${line}\n` };
      const error: unknown = await findIn(files, ['compose.yaml']).catch((caught: unknown) => caught);
      expect(error).toMatchObject({ file: '/project/.env', line: 2 });
      expect(String(error)).not.toContain(secret);
    }
  });
});

describe('files that are named', () => {
  it('are laid over each other, wherever they are', async () => {
    const found = await findIn({ 'a/compose.yaml': service('one'), 'b/prod.yaml': service('two') }, [
      'a/compose.yaml',
      'b/prod.yaml',
    ]);
    expect(images(found)).toEqual(['docker.io/library/two:latest']);
  });

  it('are projects of their own in folders of their own, if Compose would find them there', async () => {
    const files = {
      'a/compose.yaml': service('"one:${T}"'),
      'a/.env': 'T=a',
      'b/docker-compose.yml': service('"two:${T}"'),
      'b/prod.yaml': 'services:\n  db: {image: three}\n',
      'b/.env': 'T=b',
    };
    expect(images(await findIn(files, ['a/compose.yaml', 'b/docker-compose.yml', 'b/prod.yaml']))).toEqual([
      'docker.io/library/one:a',
      'docker.io/library/three:latest',
      'docker.io/library/two:b',
    ]);
  });

  it('are read with the override beside them if they stand alone', async () => {
    const files = { 'compose.yaml': service('one'), 'compose.override.yaml': service('two') };
    const found = await findIn(files, ['compose.yaml']);
    expect(images(found)).toEqual(['docker.io/library/two:latest']);
    expect(found.notes).toMatchObject([
      { message: 'compose.override.yaml beside it is laid over it, as Compose has it' },
    ]);
    expect(
      images(await findIn({ ...files, 'x.yaml': service('three') }, ['compose.yaml', 'x.yaml'])),
    ).toEqual(['docker.io/library/three:latest']);
  });
});

it('absolute paths of files are what they are', async () => {
  const files = {
    'a/compose.yaml':
      'include: [{path: /project/b/inc.yaml, project_directory: /project/c}]\nservices:\n' +
      '  web: {extends: {file: /project/b/base.yaml, service: x}}\n  two: {build: /project/c}\n',
    'b/inc.yaml': 'services:\n  inc: {build: .}\n',
    'b/base.yaml': 'services:\n  x: {build: ./d}\n',
    'c/Dockerfile': 'FROM one\n',
    'b/d/Dockerfile': 'FROM two\n',
  };
  expect(new Set(images(await findIn(files, ['a/compose.yaml'])))).toEqual(
    new Set(['docker.io/library/one:latest', 'docker.io/library/two:latest']),
  );
});

describe('files of a folder', () => {
  const env = 'COMPOSE_FILE=one.yaml:two.yaml\n';
  const files = { 'one.yaml': service('one'), 'two.yaml': service('two'), 'compose.yaml': service('three') };

  it('are those that .env names', async () => {
    expect(images(await findIn({ ...files, '.env': env }))).toEqual(['docker.io/library/two:latest']);
    const other = await findIn({ ...files, '.env': env }, ['compose.yaml'], { isFromFolder: true });
    expect(images(other)).toEqual([]);
    expect(other.notes).toMatchObject([
      { message: 'is not read on its own: COMPOSE_FILE in .env names what is' },
    ]);
  });

  it('may be separated by another character', async () => {
    const separated = 'COMPOSE_PATH_SEPARATOR=,\nCOMPOSE_FILE=one.yaml,two.yaml\n';
    expect(images(await findIn({ ...files, '.env': separated }))).toEqual(['docker.io/library/two:latest']);
  });

  it('are not those that .env names where one was named', async () => {
    expect(images(await findIn({ ...files, '.env': env }, ['compose.yaml']))).toEqual([
      'docker.io/library/three:latest',
    ]);
  });
});

describe('what is not on this machine', () => {
  it.each([
    ['include: ["https://github.com/acme/x.git"]\n', 'what it includes is not on this machine'],
    ['include: ["oci://docker.io/acme/x:1"]\n', 'what it includes is not on this machine'],
  ])('is told: %s', async (text, problem) => {
    const found = await findInText(text + service('nginx'));
    expect(images(found)).toEqual(['docker.io/library/nginx:latest']);
    expect(found.unresolved).toMatchObject([{ line: 1, problem }]);
  });

  it('is noted for the folder of a build', async () => {
    const { notes } = await findInText('services:\n  web: {build: "https://github.com/acme/web.git#main"}\n');
    expect(notes).toMatchObject([
      { line: 2, message: expect.stringContaining('https://github.com/acme/web.git#main') as string },
    ]);
  });

  it('is noted for a model', async () => {
    const text =
      'services:\n  web: {image: x, models: [a, b]}\nmodels:\n  a: {model: hf.co/acme/Model}\n  b: {model: smollm2}\n';
    const found = await findInText(text);
    expect(images(found)).toEqual(['docker.io/ai/smollm2:latest', 'docker.io/library/x:latest']);
    expect(found.notes).toMatchObject([
      { line: 4, message: 'model a comes from Hugging Face, which is no registry' },
    ]);
  });
});

describe('a Compose file that asks for too much', () => {
  it('by aliases is refused at its line', async () => {
    const levels = Array.from(
      { length: 9 },
      (_, n) => `x-${n + 1}: &a${n + 1} [${Array(9).fill(`*a${n}`).join(', ')}]`,
    );
    const text = ['x-0: &a0 [lol, lol, lol]', ...levels, service('nginx')].join('\n');
    await expect(findInText(text)).rejects.toMatchObject({
      name: 'BadFile',
      line: expect.any(Number) as number,
    });
  });

  it('by services that extend one another is refused', async () => {
    const services = Array.from({ length: 300 }, (_, n) => `  s${n}: {extends: s${n + 1}}`);
    await expect(findInText(`services:\n${services.join('\n')}\n  s300: {image: x}\n`)).rejects.toMatchObject(
      {
        message: 'is the end of more than 200 services that extend one another',
      },
    );
  });

  it('by what it merges is refused', async () => {
    const args = Array.from({ length: 3000 }, (_, n) => `A${n}: x`).join(', ');
    const services = Array.from(
      { length: 3000 },
      (_, n) => `  s${n}: {extends: b, build: {args: {X: "${n}"}}}`,
    );
    const text = `services:\n  b: {build: {dockerfile_inline: FROM x, args: {${args}}}}\n${services.join('\n')}\n`;
    await expect(findInText(text)).rejects.toMatchObject({
      message: expect.stringContaining('too much') as string,
    });
  });

  it('by files that include files is refused', async () => {
    const files = Object.fromEntries(
      Array.from({ length: 12 }, (_, n) => [`f${n}.yaml`, `include: [f${n + 1}.yaml, ./f${n + 1}.yaml]\n`]),
    );
    await expect(findIn({ ...files, 'f12.yaml': service('x') }, ['f0.yaml'])).rejects.toMatchObject({
      message: 'is one of more than 1000 files',
    });
  });
});

it('a thousand services that extend one another in tens are read in no time', async () => {
  const services = Array.from({ length: 1000 }, (_, n) => {
    const extend = n % 10 === 0 ? '' : `, extends: s${n - 1}`;
    return `  s${n}: {image: "acme/s${n}:\${TAG:-1}", depends_on: [s${n}x], volumes: ["a:/a"]${extend}}`;
  });
  const start = process.cpuUsage();
  expect((await findInText(`services:\n${services.join('\n')}\n`)).images).toHaveLength(1000);
  const { user } = process.cpuUsage(start);
  expect(user / 1000).toBeLessThan(2000);
});
