import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { spawnModule, until } from '@asyncmcp/testkit';
import { Crew } from '../src/crew.js';
import { createDice } from '../src/dice.js';

let directory: string;
let crew: Crew;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), 'asyncmcp-crew-'));
});
afterEach(async () => {
  await crew.end();
  await rm(directory, { recursive: true, force: true });
});

/** A crew whose members run this; the nth is ready after so many milliseconds. What it was told of them, in order. */
async function crewOf(code: string, delays: readonly number[] = []): Promise<readonly string[]> {
  const file = join(directory, 'member.mjs');
  await writeFile(
    file,
    `setInterval(() => {}, 1000); process.on('SIGTERM', () => process.exit(0));\n${code}\nconsole.log('{"event":"ready"}');`,
  );
  const seen: string[] = [];
  crew = new Crew({
    name: 'server',
    async start({ nth, place, watched }) {
      seen.push(`start ${nth} at ${place}`);
      await sleep(delays[nth] ?? 0);
      const member = await spawnModule(file, { args: [String(watched)] });
      await member.nextLine((line) => line['event'] === 'ready');
      return member;
    },
    ending: (_pid, signal) => void seen.push(signal),
    stopped: () => void seen.push('stopped'),
    gone: () => void seen.push('gone'),
    told: ({ event }) => void seen.push(String(event)),
  });
  return seen;
}

describe('a server', () => {
  it('that ends by itself is a problem, with what it wrote, and is nobody’s target any more', async () => {
    const seen = await crewOf('setTimeout(() => { console.error("out of luck"); process.exit(3); }, 300);');
    await crew.start();
    await until(() => crew.problems.length > 0);
    expect(crew.problems).toEqual([expect.stringMatching(/^Server \d+ ended by itself \(exit code 3\).*out of luck/s)]);
    await until(() => seen.includes('gone'));
    expect(seen).toEqual(['start 0 at 0', 'stopped', 'gone']);
  });

  it('that is killed, or told to end and does, is none', async () => {
    await crewOf('');
    await Promise.all([crew.start(), crew.start()]);
    await crew.replaceOne(createDice(1), 'SIGKILL');
    await crew.replaceOne(createDice(1), 'SIGTERM');
    expect(crew.problems).toEqual([]);
    expect(crew.happened()).toEqual({ 'server killed': 1, 'server told to end': 1 });
  });

  it('that is killed is stopped before it ends, heard to its last word before it is gone, and replaced in its place', async () => {
    const seen = await crewOf('for (let line = 0; line < 1000; line++) console.log(\'{"event":"last word"}\');');
    await Promise.all([crew.start(), crew.start()]);
    await crew.replaceOne(createDice(1), 'SIGKILL');
    await until(() => seen.includes('gone'));
    const [words, others] = [seen.filter((one) => one === 'last word'), seen.filter((one) => one !== 'last word')];
    expect(others).toEqual(['start 0 at 0', 'start 1 at 1', 'stopped', 'SIGKILL', 'gone', 'start 2 at 1']);
    // Of the two that began, all of it; the last one may still be speaking.
    expect(words.length).toBeGreaterThanOrEqual(2000);
    expect(crew.members).toHaveLength(2);
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
