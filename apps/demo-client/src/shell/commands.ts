import { UsageError } from './usage-error.js';
import { wordsOf } from './words.js';
import type { Word } from './words.js';

interface CommandEntry {
  /** How it is typed, after its name. */
  readonly usage: string;
  readonly summary: string;
  /** What its first word is. */
  readonly takes?: 'tool' | 'prompt' | 'resource' | 'call';
  /** Whether it is done at once, whatever else is being done. */
  readonly atOnce?: true;
}

export const COMMANDS = {
  init: { usage: '', summary: 'connect, or connect anew' },
  tools: { usage: '', summary: 'what can be called, and with which arguments' },
  call: { usage: '<tool> name=value …', summary: 'call a tool; it runs while you go on typing', takes: 'tool' },
  pending: { usage: '', summary: 'calls that run: how far, how old', atOnce: true },
  cancel: { usage: '<n>', summary: 'give up call number n; the server is told', takes: 'call', atOnce: true },
  resources: { usage: '', summary: 'what can be read' },
  read: { usage: '<uri>', summary: 'read a resource', takes: 'resource' },
  prompts: { usage: '', summary: 'prompts there are, and their arguments' },
  prompt: { usage: '<name> name=value …', summary: 'get a prompt', takes: 'prompt' },
  sessions: { usage: '', summary: 'sessions of this client, and how replies travel' },
  end: { usage: '', summary: 'end the session' },
  help: { usage: '', summary: 'this list', atOnce: true },
  quit: { usage: '', summary: 'give up what runs, end the session, leave', atOnce: true },
} as const satisfies Readonly<Record<string, CommandEntry>>;

export type CommandName = keyof typeof COMMANDS;

export interface Command {
  readonly name: CommandName;
  /** What stands after its name. */
  readonly words: readonly Word[];
  /** Whether it ended in `&`: then a call is not waited for, where it otherwise would be. */
  readonly inBackground: boolean;
}

const ALIASES: Readonly<Record<string, CommandName>> = { exit: 'quit', '?': 'help', connect: 'init' };

/** What else it is called: `exit`. Undefined if it is no command. */
export function commandNamed(name: string): CommandName | undefined {
  if (Object.hasOwn(ALIASES, name)) return ALIASES[name];
  return isCommand(name) ? name : undefined;
}

/** The entry of a command, for what not every one has. */
export function entryOf(name: CommandName): CommandEntry {
  return COMMANDS[name];
}

export function usageOfCommand(name: CommandName): string {
  return `${name} ${entryOf(name).usage}`.trim();
}

/**
 * The command of a line; undefined if there is none in it, or only a comment.
 *
 * @throws UsageError when there is no such command, or it needs another number of words
 */
export function parseCommand(line: string): Command | undefined {
  if (line.trim() === '' || line.trimStart().startsWith('#')) return undefined;
  const [first, ...others] = wordsOf(line);
  const name = commandNamed(first?.text ?? '');
  if (name === undefined) throw new UsageError(`There is no command "${first?.text ?? ''}"; help lists them.`);
  const { takes } = entryOf(name);
  const inBackground = takes === 'tool' && others.at(-1)?.text === '&';
  const words = inBackground ? others.slice(0, -1) : others;
  const [least, most] = wordsTaken(takes);
  if (words.length < least || words.length > most)
    throw new UsageError(`It is typed "${usageOfCommand(name)}"${hintFor(takes)}.`);
  return { name, words, inBackground };
}

/** In the order of the list. */
export const COMMAND_NAMES: readonly CommandName[] = Object.keys(COMMANDS).filter(isCommand);

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function wordsTaken(takes: CommandEntry['takes']): readonly [number, number] {
  if (takes === undefined) return [0, 0];
  return [1, takes === 'tool' || takes === 'prompt' ? Infinity : 1];
}

function hintFor(takes: CommandEntry['takes']): string {
  if (takes === undefined) return '';
  const lists: CommandName = takes === 'call' ? 'pending' : `${takes}s`;
  return `; ${lists} lists them`;
}
