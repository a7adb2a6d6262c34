import { copyFile, mkdtemp, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { codeBlocks } from './code-blocks.js';
import { ROOT } from './repository.js';
import { run } from './run.js';
import type { Registry } from './registry.js';

/**
 * With `ASYNCMCP_CHECKS_REGISTRY=public`, what is not ours comes from the registry that npm is configured for, in the versions that
 * users get today.
 */
const PUBLIC = process.env['ASYNCMCP_CHECKS_REGISTRY'] === 'public';

/** What npm and Node should not know of the pnpm that runs the tests. */
const CALLERS = PUBLIC ? /^(npm_(lifecycle|package)|NODE_OPTIONS$|INIT_CWD$)/i : /^(npm_|NODE_OPTIONS$|INIT_CWD$)/i;

function environment(registry: Registry, cache: string): Record<string, string | undefined> {
  const kept = Object.fromEntries(Object.entries(process.env).filter(([name]) => !CALLERS.test(name)));
  return PUBLIC
    ? { ...kept, 'npm_config_@asyncmcp:registry': registry.url }
    : { ...kept, npm_config_registry: registry.url, npm_config_cache: cache };
}

/** What the README of a package says to install. */
export async function installLine(directory: string): Promise<string[] | undefined> {
  const blocks = codeBlocks(await readFile(join(directory, 'README.md'), 'utf8'));
  const line = blocks.flatMap(({ code }) => code.split('\n')).find((text) => text.startsWith('npm install '));
  return line?.split(/\s+/).slice(2);
}

/** A user's project: a folder outside the workspace, with packages that npm has installed. */
export class Project {
  readonly #folder: string;
  readonly #env: Record<string, string | undefined>;

  private constructor(folder: string, env: Record<string, string | undefined>) {
    this.#folder = folder;
    this.#env = env;
  }

  /** In a new folder within one that is there, where npm keeps its cache, too. */
  static async install(packages: readonly string[], registry: Registry, within: string): Promise<Project> {
    const folder = await mkdtemp(join(within, 'project-'));
    const project = new Project(folder, environment(registry, join(within, 'npm-cache')));
    // npm would look for it in the folders above.
    await writeFile(join(folder, 'package.json'), '{ "private": true }\n');
    const quiet = ['--no-audit', '--no-fund', '--no-update-notifier', '--prefer-offline', '--loglevel=error'];
    try {
      await project.#run('npm', ['install', ...quiet, ...packages]);
    } catch (error) {
      // Without a network npm may also say that versions do not go together.
      await project.#run('npm', ['ping', '--loglevel=error']).catch(() => {
        throw new Error('The npm registry cannot be reached.', { cause: error });
      });
      throw error;
    }
    return project;
  }

  /** The names of all packages that are installed, however deep. */
  async packages(): Promise<string[]> {
    const lock = JSON.parse(await readFile(join(this.#folder, 'package-lock.json'), 'utf8')) as { packages: object };
    return Object.keys(lock.packages).flatMap((path) => /^(?:.*\/)?node_modules\/(.+)$/.exec(path)?.[1] ?? []);
  }

  /** Takes a module in as `main.mts`, and makes `main.mjs` of it. With node16 the types of all packages are checked, too. */
  async compile(module: string, moduleResolution: 'node16' | 'bundler'): Promise<void> {
    await copyFile(module, join(this.#folder, 'main.mts'));
    const compilerOptions = {
      target: 'es2022',
      module: moduleResolution === 'node16' ? 'node16' : 'esnext',
      moduleResolution,
      strict: true,
      exactOptionalPropertyTypes: true,
      skipLibCheck: moduleResolution === 'bundler',
      types: ['node'],
      typeRoots: [join(ROOT, 'node_modules/@types')],
    };
    await writeFile(join(this.#folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.mts'] }));
    await this.#run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), '-p', '.']);
  }

  /** Runs `main.mjs`, and resolves with what it has written when it has ended by itself. */
  async start(env: Readonly<Record<string, string>>): Promise<string> {
    return this.#run(process.execPath, ['main.mjs'], env);
  }

  async #run(file: string, args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<string> {
    const stdout = await run(file, args, { cwd: this.#folder, env: { ...this.#env, ...env } });
    return stdout.toString();
  }
}
