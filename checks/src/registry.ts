import { createServer } from 'node:http';
import { existsSync, realpathSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { listenOnLoopback } from '@asyncmcp/testkit';
import { readManifest } from './repository.js';
import { packFolder } from './tarball.js';
import type { ServerResponse } from 'node:http';
import type { Manifest } from './repository.js';

/** A package of a registry, in one version. */
interface Release {
  readonly manifest: Manifest;
  readonly tarball: () => Promise<Buffer>;
}

/** What `pnpm pack` made of a package of ours. */
export interface PackedPackage {
  /** Where its sources are. */
  readonly directory: string;
  /** As it would be published: without `workspace:` and `catalog:`. */
  readonly manifest: Manifest;
  readonly tarball: string;
}

/** An npm registry on a port of 127.0.0.1. */
export interface Registry {
  readonly url: string;
  close(): Promise<void>;
}

/**
 * A registry that has packed packages of ours, and all that these can need: the versions that are installed here. npm installs
 * from it as it does from the public one, but quickly, without a network, and the same tomorrow.
 */
export async function startRegistry(packed: readonly PackedPackage[]): Promise<Registry> {
  const releases = new Releases();
  for (const { manifest, tarball } of packed) releases.add({ manifest, tarball: () => readFile(tarball) });
  for (const { directory } of packed) releases.addInstalled(directory);
  const server = createServer((request, response) => {
    const path = decodeURIComponent(request.url ?? '/').slice(1);
    answer(releases, `http://${request.headers.host ?? ''}`, path, response).catch((error: unknown) =>
      response.writeHead(500).end(String(error)),
    );
  });
  const url = await listenOnLoopback(server);
  return {
    url,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

class Releases {
  readonly #versions = new Map<string, Map<string, Release>>();

  add(release: Release): boolean {
    const { name, version } = release.manifest;
    const versions = this.#versions.get(name) ?? new Map<string, Release>();
    this.#versions.set(name, versions);
    if (versions.has(version)) return false;
    versions.set(version, release);
    return true;
  }

  /** What a package depends on, and what that depends on, as pnpm has installed it. */
  addInstalled(directory: string): void {
    const manifest = readManifest(directory);
    const { dependencies, peerDependencies, optionalDependencies } = manifest;
    for (const name of Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })) {
      const found = installed(name, directory);
      // Optional ones of other platforms are not there.
      if (found === undefined) continue;
      const release = { manifest: pinned(found), tarball: () => packFolder(found) };
      if (this.add(release)) this.addInstalled(found);
    }
  }

  versions(name: string): ReadonlyMap<string, Release> | undefined {
    return this.#versions.get(name);
  }
}

/** Where node would find a package. */
function installed(name: string, from: string): string | undefined {
  const directory = join(from, 'node_modules', name);
  if (existsSync(join(directory, 'package.json'))) return realpathSync(directory);
  return dirname(from) === from ? undefined : installed(name, dirname(from));
}

/** The manifest of an installed package, with the very versions that it has here: pnpm-workspace.yaml overrides some. */
function pinned(directory: string): Manifest {
  const manifest = readManifest(directory);
  const versions = (names: object = {}): Record<string, string> =>
    Object.fromEntries(
      Object.keys(names).flatMap((name) => {
        const found = installed(name, directory);
        return found === undefined ? [] : [[name, readManifest(found).version]];
      }),
    );
  const { dependencies, optionalDependencies } = manifest;
  return { ...manifest, dependencies: versions(dependencies), optionalDependencies: versions(optionalDependencies) };
}

const TARBALL = /^-\/tarballs\/(?<name>.+)\/(?<version>[^/]+)\.tgz$/;

/** What npm asks a registry for: the versions of a package, and the tarball of one. */
async function answer(releases: Releases, url: string, path: string, response: ServerResponse): Promise<void> {
  const { name = path, version } = TARBALL.exec(path)?.groups ?? {};
  const versions = releases.versions(name);
  const release = versions?.get(version ?? '');
  if (path.startsWith('-/ping')) {
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}');
  } else if (release !== undefined) {
    response.writeHead(200, { 'content-type': 'application/octet-stream' }).end(await release.tarball());
  } else if (versions !== undefined && version === undefined) {
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(packument(url, name, versions)));
  } else {
    response.writeHead(404, { 'content-type': 'application/json' }).end(JSON.stringify({ error: 'Not found' }));
  }
}

function packument(url: string, name: string, releases: ReadonlyMap<string, Release>): object {
  const versions = [...releases].map(([version, { manifest }]) => [
    version,
    { ...manifest, dist: { tarball: `${url}/-/tarballs/${name}/${version}.tgz` } },
  ]);
  const [latest] = [...releases.keys()].toSorted((one, other) => other.localeCompare(one, 'en', { numeric: true }));
  return { name, 'dist-tags': { latest }, versions: Object.fromEntries(versions) as object };
}
