import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from 'node:fs';
import { basename, join } from 'node:path';
import { ROOT } from './markdown.ts';

export interface Instruction {
  readonly name: string;
  /** Without line ends that were escaped. */
  readonly rest: string;
}

export interface Stage {
  readonly from: string;
  readonly name: string | null;
  readonly instructions: readonly Instruction[];
}

/** The stages of a Dockerfile, and what stands before the first. */
export function readDockerfile(text: string): { readonly args: ReadonlyMap<string, string>; readonly stages: Stage[] } {
  const lines = text.replace(/^\s*#.*\n/gm, '').replace(/[ \t]*\\\n\s*/g, ' ');
  const args = new Map<string, string>();
  const stages: (Stage & { instructions: Instruction[] })[] = [];
  for (const [, name = '', rest = ''] of lines.matchAll(/^(\S+)[ \t]+(.*)$/gm)) {
    const [, from = '', , as = null] = /^(\S+)( AS (\S+))?$/.exec(rest) ?? [];
    if (name === 'FROM') stages.push({ from, name: as, instructions: [] });
    else if (stages.length > 0) stages.at(-1)?.instructions.push({ name, rest: rest.trim() });
    else if (name === 'ARG') args.set(rest.split('=')[0] ?? '', rest.split('=')[1] ?? '');
    else throw new Error(`${name} stands before the first stage`);
  }
  return { args, stages };
}

/** Whether a `.dockerignore` keeps this file out: the last pattern that matches it, or a folder it is in, counts. */
export function isIgnored(path: string, patterns: string): boolean {
  const parts = path.split('/');
  const folders = parts.map((_, i) => parts.slice(0, i + 1).join('/'));
  let ignored = false;
  for (const line of patterns.split('\n').map((one) => one.trim())) {
    if (line === '' || line.startsWith('#')) continue;
    const glob = line.replace(/^!/, '').replace(/^\/|\/$/g, '');
    const pattern = new RegExp(
      `^${glob.replace(/[.+^$()|{}]/g, '\\$&').replace(/\*+/g, (stars) => (stars === '*' ? '[^/]*' : '.*'))}$`,
    );
    if (folders.some((folder) => pattern.test(folder))) ignored = !line.startsWith('!');
  }
  return ignored;
}

/** What a clean checkout has; with `others`, what somebody has written there since as well. */
export function checkedOut({ others = false } = {}): string[] {
  const which = others ? ['--cached', '--others', '--exclude-standard'] : ['--cached'];
  const listed = execFileSync('git', ['ls-files', ...which], { cwd: ROOT, encoding: 'utf8' });
  return listed.split('\n').filter((path) => path !== '' && existsSync(join(ROOT, path)));
}

/** What a container is started with. Paths in it are those inside. */
export interface Image {
  /** The image's own `/`. */
  readonly root: string;
  readonly env: Readonly<Record<string, string>>;
  readonly workdir: string;
  readonly user: string;
  readonly volumes: readonly string[];
  readonly ports: readonly string[];
  readonly healthcheck: readonly string[];
  readonly entrypoint: readonly string[];
  readonly cmd: readonly string[];
}

/**
 * Plays a Dockerfile in a folder. COPY copies what the context has; RUN runs the command itself, with a stand-in for what
 * would fetch, and only the links of what would change the system. Throws where a step fails.
 */
export function play(dockerfile: string, ignore: string, folder: string): Image {
  const context = join(folder, 'context');
  for (const path of checkedOut({ others: true }).filter((one) => !isIgnored(one, ignore))) {
    mkdirSync(join(context, path, '..'), { recursive: true });
    cpSync(join(ROOT, path), join(context, path));
  }
  const { stages } = readDockerfile(dockerfile);
  const roots = new Map<string, string>();
  let image: Image | null = null;
  for (const [i, { name, instructions }] of stages.entries()) {
    const root = join(folder, `stage-${i}`);
    mkdirSync(root);
    if (name !== null) roots.set(name, root);
    image = playStage(instructions, root, context, roots);
  }
  if (image === null) throw new Error('there is no stage');
  return image;
}

function playStage(
  instructions: readonly Instruction[],
  root: string,
  context: string,
  roots: ReadonlyMap<string, string>,
): Image {
  let image: Image = {
    ...{ root, env: {}, workdir: '/', user: 'root', volumes: [], ports: [] },
    ...{ healthcheck: [], entrypoint: [], cmd: [] },
  };
  for (const { name, rest } of instructions) {
    if (name === 'COPY') copy(rest, image, context, roots);
    else if (name === 'RUN') run(rest, image);
    else if (name === 'WORKDIR') image = { ...image, workdir: rest };
    else if (name === 'USER') image = { ...image, user: rest };
    else if (name === 'VOLUME') image = { ...image, volumes: [...image.volumes, rest] };
    else if (name === 'EXPOSE') image = { ...image, ports: [...image.ports, rest] };
    else if (name === 'ENTRYPOINT') image = { ...image, entrypoint: JSON.parse(rest) };
    else if (name === 'CMD') image = { ...image, cmd: JSON.parse(rest) };
    else if (name === 'HEALTHCHECK') image = { ...image, healthcheck: JSON.parse(rest.replace(/^(--\S+ )*CMD /, '')) };
    else if (name === 'ENV')
      image = {
        ...image,
        env: { ...image.env, ...Object.fromEntries(rest.split(/\s+/).map((pair) => pair.split('='))) },
      };
    else throw new Error(`${name} is not known here`);
    if (name === 'WORKDIR' || name === 'VOLUME') mkdirSync(join(root, rest), { recursive: true });
  }
  return image;
}

function copy(rest: string, { root, workdir }: Image, context: string, roots: ReadonlyMap<string, string>): void {
  const [, stage, paths = ''] = /^(?:--from=(\S+) )?(.*)$/.exec(rest) ?? [];
  const from = stage === undefined ? context : roots.get(stage);
  if (from === undefined) throw new Error(`there is no stage ${stage}`);
  const sources = paths.split(/\s+/);
  const to = sources.pop() ?? '';
  const target = to.startsWith('/') ? join(root, to) : join(root, workdir, to);
  if (sources.length > 1 && !/\/$/.test(to) && to !== '.') throw new Error(`several files need a folder: ${rest}`);
  for (const source of sources) {
    // Of a folder its content is copied, and not the folder.
    const intoFolder = !statSync(join(from, source)).isDirectory() && (to.endsWith('/') || to === '.');
    cpSync(join(from, source), intoFolder ? join(target, basename(source)) : target, { recursive: true });
  }
}

function run(command: string, { root, workdir }: Image): void {
  const folder = join(root, workdir);
  for (const step of command.split(' && ')) {
    const [, target, link] = /^ln -s (\/\S+) (\/\S+)$/.exec(step) ?? [];
    if (step === 'npm ci') install(folder);
    else if (step === 'npm prune --omit=dev') prune(folder);
    else if (target !== undefined && link !== undefined) {
      mkdirSync(join(root, link, '..'), { recursive: true });
      symlinkSync(join(root, target), join(root, link));
    } else if (/^(groupadd|useradd|install -d) /.test(step)) continue;
    else if (/^(npm run|node) /.test(step)) {
      const { status, stderr } = spawnSync('sh', ['-c', step], { cwd: folder, encoding: 'utf8' });
      if (status !== 0) throw new Error(`${step}: ${status}: ${stderr}`);
    } else throw new Error(`nobody knows how to play ${step}`);
  }
}

/** In the place of `npm ci`, which fetches: what is installed here; npm would need these files for it. */
function install(folder: string): void {
  for (const file of ['package.json', 'package-lock.json', 'scripts/binding.mjs'])
    if (!existsSync(join(folder, file))) throw new Error(`npm ci would miss ${file}`);
  symlinkSync(join(ROOT, 'node_modules'), join(folder, 'node_modules'));
}

/** What `npm ci --omit=dev` installs, by the lock file. */
export function runtimePackages(): string[] {
  const { packages } = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8'));
  const entries = Object.entries(packages) as [string, { dev?: boolean; devOptional?: boolean }][];
  const wanted = entries.filter(([path, { dev, devOptional }]) => path !== '' && !dev && !devOptional);
  return wanted.map(([path]) => path).filter((path) => existsSync(join(ROOT, path)));
}

function prune(folder: string): void {
  // A link to what this machine has: never to be pruned itself.
  rmSync(join(folder, 'node_modules'));
  for (const path of runtimePackages()) cpSync(join(ROOT, path), join(folder, path), { recursive: true });
}
