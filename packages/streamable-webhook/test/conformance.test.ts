import { execFile } from 'node:child_process';
import { mkdtemp, readFile, readdir, rm } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { expect, it } from '@jest/globals';
import { MemoryEventStore } from './memory-event-store.js';
import { StreamableWebhookServer } from '../src/index.js';
import { createConformanceServer } from './conformance-server.js';

interface Check {
  readonly id: string;
  readonly status: string;
  readonly errorMessage?: string;
}

const run = promisify(execFile);
const SUITE = join(
  dirname(createRequire(import.meta.url).resolve('@modelcontextprotocol/conformance/package.json')),
  'dist/index.js',
);
/** Those of version 0.1.13. */
const ACTIVE_SCENARIOS = 30;

it('passes every active scenario of the public MCP conformance suite', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'asyncmcp-conformance-'));
  const server = new StreamableWebhookServer({
    createServer: createConformanceServer,
    eventStore: new MemoryEventStore(),
    retryIntervalMs: 50,
  });
  try {
    const { url } = await server.listen({ port: 0 });
    const suite = run(process.execPath, [SUITE, 'server', '--url', `${url}/mcp`, '-o', directory], { cwd: directory });
    const { stdout, code } = await suite.then(
      (done) => ({ ...done, code: 0 }),
      (error: { stdout: string; code: number }) => error,
    );
    const scenarios = await readdir(directory);
    const checks = (await Promise.all(scenarios.map((name) => checksOf(join(directory, name))))).flat();
    const bad = checks.filter(({ status }) => status !== 'SUCCESS' && status !== 'INFO');
    expect(bad).toEqual([]);
    expect({ code, stdout }).toMatchObject({ code: 0 });
    expect(scenarios).toHaveLength(ACTIVE_SCENARIOS);
  } finally {
    await server.close();
    await rm(directory, { recursive: true, force: true });
  }
}, 60_000);

async function checksOf(directory: string): Promise<readonly Check[]> {
  return JSON.parse(await readFile(join(directory, 'checks.json'), 'utf8')) as Check[];
}
