import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { spawnAwsEmulator } from '@asyncmcp/testkit';
import { filesOf, packPackages } from '../src/pack.js';
import { Project, installLine } from '../src/project.js';
import { startRegistry } from '../src/registry.js';
import type { AwsEmulatorChild } from '@asyncmcp/testkit';
import type { PackedPackage, Registry } from '../src/registry.js';

const AWS = /^@(aws-sdk|smithy)\//;
const HTTP = /^(fastify|undici)$/;
/** What a user of one package gets with it … */
const OWN: Record<string, string[]> = {
  '@asyncmcp/sqs': ['@asyncmcp/core', '@aws-sdk/client-sqs'],
  '@asyncmcp/sns-sqs': ['@asyncmcp/core', '@asyncmcp/sqs', '@aws-sdk/client-sns', '@aws-sdk/client-sqs'],
  '@asyncmcp/webhook': ['@asyncmcp/core', 'fastify', 'undici'],
  '@asyncmcp/streamable-webhook': ['@asyncmcp/core', '@asyncmcp/webhook', 'fastify', 'undici'],
};
/** … and must not get. */
const FOREIGN: Record<string, RegExp[]> = {
  '@asyncmcp/core': [AWS, HTTP, /^@asyncmcp\/(?!core$)/],
  '@asyncmcp/sqs': [HTTP, /^@aws-sdk\/client-sns$/, /^@asyncmcp\/(?!core$|sqs$)/],
  '@asyncmcp/sns-sqs': [HTTP, /^@asyncmcp\/(?!core$|sqs$|sns-sqs$)/],
  '@asyncmcp/webhook': [AWS, /^@asyncmcp\/(?!core$|webhook$)/],
  '@asyncmcp/streamable-webhook': [AWS, /^@asyncmcp\/(?!core$|webhook$|streamable-webhook$)/],
};

let folder: string;
let packed: PackedPackage[];
let registry: Registry;
let emulator: AwsEmulatorChild;

// npm has its own time limits, and says what it waited for.
const SLOW_MS = 300_000;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'asyncmcp-packed-'));
  packed = await packPackages(folder);
  registry = await startRegistry(packed);
  emulator = await spawnAwsEmulator();
}, SLOW_MS);

afterAll(async () => {
  await emulator?.stop();
  await registry?.close();
  await rm(folder, { recursive: true, force: true });
});

function find(name: string): PackedPackage {
  const found = packed.find(({ manifest }) => manifest.name === name);
  if (found === undefined) throw new Error(`${name} was not packed`);
  return found;
}

describe.each(Object.keys(FOREIGN))('%s, packed', (name) => {
  test('has what it needs, and nothing of the workspace', async () => {
    const { manifest, tarball } = find(name);
    expect(JSON.stringify(manifest)).not.toMatch(/workspace:|catalog:/);
    const siblings = Object.entries(manifest.dependencies ?? {}).filter(([other]) => other.startsWith('@asyncmcp/'));
    expect(siblings).toEqual(siblings.map(([other]) => [other, `^${find(other).manifest.version}`]));
    const files = await filesOf(tarball);
    expect(files).toEqual(
      expect.arrayContaining(['package.json', 'README.md', 'LICENSE', 'dist/index.js', 'dist/index.d.ts']),
    );
    expect(
      files.filter((file) => !/^(package\.json|README\.md|CHANGELOG\.md|LICENSE|(dist|src)\/.+)$/.test(file)),
    ).toEqual([]);
  });

  test(
    'installs as its README says, with no foreign packages, and serves a call',
    async () => {
      const { directory } = find(name);
      const packages = (await installLine(directory)) ?? [];
      const project = await Project.install(packages, registry, folder);
      const names = await project.packages();
      expect(names).toEqual(expect.arrayContaining([name, ...(OWN[name] ?? [])]));
      expect(names.filter((other) => FOREIGN[name]?.some((pattern) => pattern.test(other)))).toEqual([]);

      const consumer = fileURLToPath(new URL(`consumers/${basename(directory)}.mts`, import.meta.url));
      await project.compile(consumer, 'bundler');
      await project.compile(consumer, 'node16');
      expect(await project.start(awsEnvironment())).toBe('called\n');
    },
    SLOW_MS,
  );
});

function awsEnvironment(): Record<string, string> {
  const { endpoint, region, credentials } = emulator.clientConfig;
  return {
    AWS_ENDPOINT_URL: endpoint,
    AWS_REGION: region,
    AWS_ACCESS_KEY_ID: credentials.accessKeyId,
    AWS_SECRET_ACCESS_KEY: credentials.secretAccessKey,
  };
}
