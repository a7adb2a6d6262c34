import { awsClientConfig } from './aws-client-config.js';
import { spawnModule } from './child-process.js';
import type { ChildProcess } from 'node:child_process';
import type { AwsClientConfig } from './aws-client-config.js';
import type { AwsEmulatorOptions } from './aws-emulator.js';
import type { ModuleProcess } from './child-process.js';

/** An emulator that is a process of its own: it can be killed and frozen. Its state dies with it. */
export interface AwsEmulatorChild {
  readonly endpoint: string;
  readonly port: number;
  readonly clientConfig: AwsClientConfig;
  readonly process: ChildProcess;
  /** Lets it close its connections first. */
  stop(): Promise<void>;
  /** SIGKILL. */
  kill(): Promise<void>;
  /** SIGSTOP: connections stay open, and nothing answers. */
  pause(): void;
  /** SIGCONT, after `pause()`. */
  resume(): void;
}

/** Always the built one: also where the rest of this package runs from its sources, node runs no TypeScript. */
const emulatorProcess = new URL('../dist/emulator-process.js', import.meta.url);

export async function spawnAwsEmulator({ port = 0 }: AwsEmulatorOptions = {}): Promise<AwsEmulatorChild> {
  const child = await spawnModule(emulatorProcess, { args: [String(port)] });
  try {
    const { endpoint, port } = await child.nextLine();
    return controls(child, String(endpoint), Number(port));
  } catch (error) {
    await child.kill();
    throw error;
  }
}

function controls(child: ModuleProcess, endpoint: string, port: number): AwsEmulatorChild {
  const { process } = child;
  return {
    endpoint,
    port,
    clientConfig: awsClientConfig(endpoint),
    process,
    stop: async () => {
      const ended = child.kill('SIGTERM');
      // a frozen process takes notice only when it goes on
      process.kill('SIGCONT');
      await ended;
    },
    kill: async () => void (await child.kill()),
    pause: () => void process.kill('SIGSTOP'),
    resume: () => void process.kill('SIGCONT'),
  };
}
