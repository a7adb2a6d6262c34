import type { Answer, CommandMap, Question } from './child.js';

type Handlers<Commands extends CommandMap> = {
  readonly [Name in keyof Commands]: (
    input: Commands[Name]['input'],
  ) => Commands[Name]['output'] | Promise<Commands[Name]['output']>;
};

/** The child's side of `Child`: answers its questions, one by one or several at a time, until the parent lets go. */
export function answerParent<Commands extends CommandMap>(handlers: Handlers<Commands>): void {
  const answer = async ({ number, command, input }: Question): Promise<void> => {
    try {
      const handle = handlers[command];
      if (handle === undefined) throw new Error(`no such command: ${command}`);
      reply({ number, output: await handle(input) });
    } catch (error) {
      reply({ number, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  };
  process.on('message', (message) => void answer(message as Question));
  process.once('disconnect', () => process.exit(0));
}

function reply(answer: Answer): void {
  process.send?.(answer);
}
