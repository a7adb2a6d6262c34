import { Child } from '../child.js';
import { createAwsClients } from './aws-clients.js';
import type { EmulatorCommands } from '../emulator-process.js';
import type { AwsClients } from './aws-clients.js';

export interface Emulator extends AwsClients {
  readonly endpoint: string;
}

/** Runs something with an emulator that is there for it alone. */
export async function withEmulator<T>(run: (emulator: Emulator) => Promise<T>): Promise<T> {
  const child = new Child<EmulatorCommands>(new URL('../emulator-process.js', import.meta.url));
  const endpoint = await child.ask('start', undefined);
  const clients = createAwsClients(endpoint);
  try {
    return await run({ endpoint, ...clients });
  } finally {
    clients.sns.destroy();
    clients.sqs.destroy();
    await child.stop();
  }
}
