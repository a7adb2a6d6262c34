/** {@link createHttpCrowd} in a process of its own. */
import { answerParent } from '../answer-parent.js';
import { makeCalls } from '../make-calls.js';
import { echoRequest } from './by-hand-messages.js';
import { createHttpCrowd } from './http-crowd.js';
import { countRequests } from './usage.js';
import type { CrowdClientCommands } from '../contender.js';
import type { Dialect, HttpCrowd, HttpSession } from './http-crowd.js';

export interface HttpCrowdConnect {
  readonly serverUrl: string;
  readonly dialect: Dialect;
}

export type HttpCrowdClientCommands = CrowdClientCommands<HttpCrowdConnect>;

const usage = countRequests();
const sessions: HttpSession[] = [];
let crowd: HttpCrowd | undefined;
/** The handshake's is 0. */
let nextId = 1;

function get(): HttpCrowd {
  if (crowd === undefined) throw new Error('not connected');
  return crowd;
}

async function call(): Promise<void> {
  const id = nextId++;
  const session = sessions[id % sessions.length];
  if (session === undefined) throw new Error('no session is open');
  await get().call(session, echoRequest(id));
}

answerParent<HttpCrowdClientCommands>({
  async connect({ serverUrl, dialect }) {
    crowd = await createHttpCrowd(serverUrl, dialect);
  },
  async open(count) {
    sessions.push(...(await get().open(count)));
  },
  call: (workload) => makeCalls(workload, call),
  usage,
});
