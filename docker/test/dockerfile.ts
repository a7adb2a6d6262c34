import { readFileSync } from 'node:fs';

export interface Instruction {
  readonly keyword: string;
  readonly text: string;
}

/** A stage of the Dockerfile, from FROM to the next. */
export interface Stage {
  readonly name: string;
  readonly from: string;
  readonly instructions: readonly Instruction[];
}

/** The stages by name, in turn. */
export function readDockerfile(): ReadonlyMap<string, Stage> {
  const stages = new Map<string, Stage>();
  let instructions: Instruction[] = [];
  for (const { keyword, text } of readInstructions()) {
    if (keyword !== 'FROM') {
      instructions.push({ keyword, text });
      continue;
    }
    const { from = '', name = '' } = /^(?<from>\S+) AS (?<name>\S+)$/.exec(text)?.groups ?? {};
    stages.set(name, { name, from, instructions: (instructions = []) });
  }
  return stages;
}

function readInstructions(): readonly Instruction[] {
  const text = readFileSync(new URL('../Dockerfile', import.meta.url), 'utf8')
    .replaceAll(/^\s*#.*\n/gm, '')
    .replaceAll(/\\\n\s*/g, '');
  return text
    .split('\n')
    .filter((line) => line.trim() !== '')
    .map((line) => ({ keyword: line.slice(0, line.indexOf(' ')), text: line.slice(line.indexOf(' ') + 1) }));
}

/** What a keyword says in a stage, and in those that it is made from, these first. */
export function textsOf(stages: ReadonlyMap<string, Stage>, stage: string, keyword: string): readonly string[] {
  const found = stages.get(stage);
  if (found === undefined) return [];
  const own = found.instructions.filter((instruction) => instruction.keyword === keyword).map(({ text }) => text);
  return [...textsOf(stages, found.from, keyword), ...own];
}

/** The variables of an image. */
export function environmentOf(stages: ReadonlyMap<string, Stage>, stage: string): Readonly<Record<string, string>> {
  const texts = textsOf(stages, stage, 'ENV');
  return Object.fromEntries(
    texts.flatMap((text) => text.split(/\s+/)).map((pair) => pair.split('=') as [string, string]),
  );
}

/** What its containers run; the last says it. */
export function entrypointOf(stages: ReadonlyMap<string, Stage>, stage: string): readonly string[] {
  return JSON.parse(textsOf(stages, stage, 'ENTRYPOINT').at(-1) ?? '[]') as string[];
}
