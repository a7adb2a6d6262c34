import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** The root of the repository, without a slash at the end. */
export const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** A `package.json`, as far as it matters here. */
export interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly private?: boolean;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export function readManifest(directory: string): Manifest {
  return JSON.parse(readFileSync(join(directory, 'package.json'), 'utf8')) as Manifest;
}

/** The packages that are published, by name. */
export function publishedPackages(): Map<string, string> {
  const packages = new Map<string, string>();
  for (const entry of readdirSync(join(ROOT, 'packages'), { withFileTypes: true })) {
    const directory = join(ROOT, 'packages', entry.name);
    if (!entry.isDirectory()) continue;
    const manifest = readManifest(directory);
    if (manifest.private !== true) packages.set(manifest.name, directory);
  }
  return packages;
}
