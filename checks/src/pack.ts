import { join } from 'node:path';
import { ROOT, publishedPackages, readManifest } from './repository.js';
import { run } from './run.js';
import type { PackedPackage } from './registry.js';
import type { Manifest } from './repository.js';

/** Packs the published packages as `pnpm publish` would, into a folder. They have to be built. */
export async function packPackages(folder: string): Promise<PackedPackage[]> {
  const packages = publishedPackages();
  const filters = [...packages.keys()].map((name) => `--filter=${name}`);
  // The one that runs this test: `npx pnpm@12` has it in the path. npx itself would ask the registry.
  await run('pnpm', [...filters, 'pack', '--pack-destination', folder], { cwd: ROOT });
  return Promise.all(
    [...packages].map(async ([name, directory]) => {
      const tarball = join(folder, `${name.slice(1).replace('/', '-')}-${readManifest(directory).version}.tgz`);
      return { directory, tarball, manifest: await manifestOf(tarball) };
    }),
  );
}

async function manifestOf(tarball: string): Promise<Manifest> {
  const text = await run('tar', ['-xzOf', tarball, 'package/package.json'], { cwd: ROOT });
  return JSON.parse(text.toString()) as Manifest;
}

/** The files in a tarball, without the folder that all of them are in. */
export async function filesOf(tarball: string): Promise<string[]> {
  const list = await run('tar', ['-tzf', tarball], { cwd: ROOT });
  return list
    .toString()
    .trim()
    .split('\n')
    .map((path) => path.replace(/^package\//, ''));
}
