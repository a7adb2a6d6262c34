import { buildApp } from 'fauxqs';
import { answerParent } from './answer-parent.js';

/** An AWS emulator in a process of its own: plain fauxqs, nothing in front of it. */
export type EmulatorCommands = {
  /** Answers with the endpoint. */
  start: { input: undefined; output: string };
};

answerParent<EmulatorCommands>({
  async start() {
    const app = buildApp({ logger: false });
    return app.listen({ host: '127.0.0.1', port: 0 });
  },
});
