import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnModule, until } from '@asyncmcp/testkit';
import { Crew } from '../src/crew.js';
import { createDice } from '../src/dice.js';
import { Ledger } from '../src/ledger.js';
import type { System } from '../src/system.js';

let directory: string;
let crew: Crew;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'asyncmcp-crew-'));
});
afterEach(async () => {
  await crew.end();
  await rm(directory, { recursive: true, force: true });
});

/** A crew whose servers run this; the nth is ready after so many milliseconds. */
async function crewOf(code: string, delays: readonly number[] = []): Promise<{ stopped: number }> {
  const file = join(directory, 'server.mjs');
  await writeFile(
    file,
    `setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit(0));\n${code}\nconsole.log('{"event":"ready"}');`,
  );
  const seen = { stopped: 0 };
  let nth = 0;
  const system: Partial<System> = {
    async startServer({ watched }) {
      const delay = delays[nth++] ?? 0;
      await sleep(delay);
      const server = await spawnModule(file, { args: [String(watched)] });
      await server.nextLine((line) => line['event'] === 'ready');
      return server;
    },
    stopped: () => void seen.stopped++,
  };
  crew = new Crew(system as System, new Ledger(), { storeDirectory: directory, seed: 1, only: '' });
  return seen;
}

describe('a server', () => {
  it('that ends by itself is a problem, with what it wrote, and is nobody’s target any more', async () => {
    const seen = await crewOf('setTimeout(() => { console.error("out of luck"); process.exit(3); }, 300);');
    await crew.start();
    await until(() => crew.problems.length > 0);
    expect(crew.problems).toEqual([expect.stringMatching(/ended by itself \(exit code 3\).*out of luck/s)]);
    expect(seen.stopped).toBe(1);
  });

  it('that is killed, or told to end and does, is none', async () => {
    await crewOf('');
    await Promise.all([crew.start(), crew.start()]);
    await crew.replaceOne(createDice(1), 'SIGKILL');
    await crew.replaceOne(createDice(1), 'SIGTERM');
    expect(crew.problems).toEqual([]);
    expect(crew.happened()).toEqual({ 'server killed': 1, 'server told to end': 1 });
  });

  it('that is told to end and fails is one', async () => {
    await crewOf('process.removeAllListeners("SIGTERM"); process.on("SIGTERM", () => process.exit(4));');
    await Promise.all([crew.start(), crew.start()]);
    await crew.replaceOne(createDice(1), 'SIGTERM');
    await until(() => crew.problems.length > 0);
    expect(crew.problems[0]).toMatch(/was told to end, and ended otherwise \(exit code 4\)/);
  });
});

it('a server that does not start is a problem, too', async () => {
  await crewOf('process.exit(5);');
  await crew.start();
  expect(crew.problems).toEqual([expect.stringMatching(/did not start.*exit code 5/s)]);
});

it('never ends the first that was started, however late that is ready', async () => {
  await crewOf(
    'console.log(JSON.stringify({ event: "memory", heap: process.argv[2] === "true" ? 2 ** 20 : NaN }));',
    [400, 0],
  );
  await Promise.all([crew.start(), crew.start()]);
  for (const seed of [1, 2, 3]) await crew.replaceOne(createDice(seed), 'SIGKILL');
  expect(crew.problems).toEqual([]);
  expect(crew.memory.filter((heap) => heap === 1)).toHaveLength(1);
  await crew.end();
});
