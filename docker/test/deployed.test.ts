import { spawn } from 'node:child_process';
import { copyFileSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { once } from 'node:events';
import { text } from 'node:stream/consumers';
import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import { spawnModule, startAwsEmulator, until } from '@asyncmcp/testkit';
import { readComposeFile } from './compose-file.js';
import { entrypointOf, environmentOf, readDockerfile, textsOf } from './dockerfile.js';
import { HEALTH_CHECK, ROOT, TRANSPORTS, run } from './support.js';
import type { ChildProcessWithoutNullStreams } from 'node:child_process';
import type { AwsEmulator, ModuleProcess } from '@asyncmcp/testkit';
import type { Run } from './support.js';

const compose = readComposeFile();
const stages = readDockerfile();

/**
 * What Docker's DNS does: the names of the services are there, and mean addresses that are not public. Runs before the apps' own
 * code.
 */
const DNS = `
import dns from 'node:dns';
import { syncBuiltinESMExports } from 'node:module';
const names = ${JSON.stringify(Object.keys(compose.services))};
const lookup = dns.lookup;
dns.lookup = (name, ...rest) => lookup(names.includes(name) ? '127.0.0.1' : name, ...rest);
syncBuiltinESMExports();
`;

/** How the tests' containers differ from the real ones: where ports are, and the emulator in LocalStack's place. */
type Elsewhere = readonly (readonly [there: string, here: string])[];

/** What a service runs: its file, its arguments, its environment. */
interface Command {
  readonly file: string;
  readonly args: readonly string[];
  readonly env: Record<string, string>;
}

describe('what is deployed into the images', () => {
  const folder = mkdtempSync(join(tmpdir(), 'asyncmcp-docker-'));
  const running: ModuleProcess[] = [];
  let emulator: AwsEmulator;

  beforeAll(async () => {
    for (const [target, stage] of [
      ['demo-server', 'deployed-server'],
      ['demo-client', 'deployed-client'],
      ['provision', 'deployed-provision'],
    ] as const) {
      const command = textsOf(stages, stage, 'RUN').at(-1) ?? '';
      await pnpm(command.replace('/deployed', join(folder, target)).split(' ').slice(1));
    }
    copyFileSync(HEALTH_CHECK, join(folder, 'demo-server', 'health-check.js'));
    emulator = await startAwsEmulator();
  }, 180_000);

  afterEach(async () => {
    for (const child of running.splice(0)) await child.kill();
  });

  afterAll(async () => {
    await emulator.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** As compose.yaml and the Dockerfile have it. */
  function commandOf(name: string, elsewhere: Elsewhere): Command {
    const { build, command = [], environment = {} } = compose.services[name] ?? {};
    const target = build?.target ?? '';
    const [, file = '', ...args] = entrypointOf(stages, target);
    const env: Record<string, string> = {
      ...environmentOf(stages, target),
      ...environment,
      ASYNCMCP_HISTORY: join(folder, 'history'),
      NODE_OPTIONS: `--import data:text/javascript,${encodeURIComponent(DNS)}`,
      AWS_SDK_JS_NODE_VERSION_SUPPORT_WARNING_DISABLED: 'true',
    };
    for (const [variable, value] of Object.entries(env)) {
      env[variable] = elsewhere.reduce((all, [there, here]) => all.replaceAll(there, here), value);
    }
    return { file: join(folder, target, file), args: [...args, ...command], env };
  }

  async function provision(transport: string, elsewhere: Elsewhere): Promise<void> {
    const { file, args, env } = commandOf(`provision-${transport}`, elsewhere);
    const { code, output } = await run(file, args, env);
    if (code !== 0) throw new Error(output);
  }

  async function startServer(transport: string, elsewhere: Elsewhere): Promise<ModuleProcess> {
    const { file, args, env } = commandOf(`demo-server-${transport}`, elsewhere);
    const server = await spawnModule(file, { args, env: { ...env, ASYNCMCP_PORT: portIn(elsewhere, '8000') } });
    running.push(server);
    await until(() => server.output.includes(' ready: '), { message: () => server.output });
    return server;
  }

  function clientCommand(name: string, elsewhere: Elsewhere): Command {
    const { env, ...rest } = commandOf(name, elsewhere);
    return { ...rest, env: { ...env, ASYNCMCP_WEBHOOK_PORT: portIn(elsewhere, '8100') } };
  }

  async function findElsewhere(): Promise<Elsewhere> {
    return [
      ['http://localstack:4566/queue/us-east-1', emulator.endpoint],
      ['http://localstack:4566', emulator.endpoint],
      [':8000', `:${await freePort()}`],
      [':8100', `:${await freePort()}`],
    ];
  }

  it.each(TRANSPORTS)('%s: provisioning, server, health check and scenario', async (transport) => {
    const elsewhere = await findElsewhere();
    if (transport.endsWith('sqs')) await provision(transport, elsewhere);
    const server = await startServer(transport, elsewhere);

    const check =
      textsOf(stages, 'demo-server', 'HEALTHCHECK')
        .at(-1)
        ?.replace(/^.* CMD /, '') ?? '[]';
    const [, script = ''] = JSON.parse(check) as string[];
    const environment = { ASYNCMCP_TRANSPORT: transport, ASYNCMCP_PORT: portIn(elsewhere, '8000') };
    expect((await run(join(folder, 'demo-server', script), [], environment)).code).toBe(0);

    const { file, args, env } = clientCommand(`scenario-${transport}`, elsewhere);
    const { code, output } = await run(file, args, env);
    expect(output).toMatch(/(\d+) of \1 steps checked/);
    expect(code).toBe(0);
    expect(await server.kill('SIGTERM')).toEqual({ code: 0, signal: null });
  });

  it('at a prompt, or from a pipe: the client of docker compose run', async () => {
    const elsewhere = await findElsewhere();
    await startServer('webhook', elsewhere);
    const command = clientCommand('demo-client-webhook', elsewhere);
    const { code, output } = await runWithInput(command, 'init\ncall greet name=Ada\nquit\n');
    expect(output).toContain('Hello, Ada');
    expect(code).toBe(0);
  });
});

function portIn(elsewhere: Elsewhere, port: string): string {
  return elsewhere.find(([there]) => there === `:${port}`)?.[1].slice(1) ?? '';
}

/** The one that runs this test: `npx pnpm@12` has it in the path. */
async function pnpm(args: readonly string[]): Promise<void> {
  const { code, output } = await finish(spawn('pnpm', args, { cwd: ROOT }));
  if (code !== 0) throw new Error(`pnpm ${args.join(' ')}\n${output}`);
}

function runWithInput({ file, args, env }: Command, input: string): Promise<Run> {
  const child = spawn(process.execPath, [file, ...args], { env: { ...process.env, ...env } });
  child.stdin.end(input);
  return finish(child);
}

async function finish(child: ChildProcessWithoutNullStreams): Promise<Run> {
  const closed = new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve).once('error', reject);
  });
  const [code, output, errors] = await Promise.all([closed, text(child.stdout), text(child.stderr)]);
  return { code, output: output + errors };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const address = server.address();
  server.close();
  await once(server, 'close');
  if (address === null || typeof address === 'string') throw new Error('No port.');
  return address.port;
}
