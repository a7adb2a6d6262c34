import { describe, expect, it } from '@jest/globals';
import { demo, finish, isStyled, linesOf, printed, start } from './support.js';

const PAGE = ['fetch', 'analyze', 'asked back'];
const CALLS = ['handshake', 'tool list', 'quick tool', 'slow tool', ...PAGE, 'cancelled call', 'failing tool'];
const END = "session's end";

describe('demo', () => {
  it('shows every step over SQS, and leaves nothing', async () => {
    const { code, lines } = await finish(await start(demo, ['sqs']));
    const text = lines.join('\n');
    expect(text).toContain('✓ sqs passed in');
    expect(code).toBe(0);
    const checked = lines.filter((line) => line.startsWith('  ✓ ')).map((line) => line.slice(4, 20).trim());
    expect(checked).toEqual([...CALLS, END, '10 of 10 steps c']);
    expect(text).toMatch(/→ demo-requests +tools\/call greet #\d+ +\d+ B +\+\d+ ms/);
    expect(text).toMatch(/← asyncmcp-response-.{5}… notifications\/progress 5\/5 +\d+ B/);
    expect(text).toMatch(/✓ fetch +GET \/queues → 200 text\/html, \d+ bytes/);
    expect(text).toMatch(/✓ analyze +49 words, 2 links, 3 headings; progress 1…4/);
    expect(text).toMatch(/✓ asked back +Grace → "Nice to meet you, Grace!"/);
    expect(text).toMatch(/← asyncmcp-response-.{5}… elicitation\/create #.+\n +→ demo-requests +result #/);
    expect(text).toMatch(/→ demo-requests +notifications\/cancelled #\d+/);
    expect(text).toMatch(/← asyncmcp-response-.{5}… result \(isError\)/);
    expect(text).toMatch(/← asyncmcp-response-.{5}… error -32001/);
    expect(text).toMatch(/- asyncmcp-response-.{5}… temporary queue deleted/);
    expect(text).toContain('stopped: exit code 0');
    expect(text).toContain('demo-dead-letters, demo-requests: empty');
  });

  it('shows the topology and every step over SNS and SQS, and leaves nothing', async () => {
    const { code, lines } = await finish(await start(demo, ['sns-sqs']));
    const text = lines.join('\n');
    expect(text).toContain('✓ sns-sqs passed in');
    expect(code).toBe(0);
    const checked = lines.filter((line) => line.startsWith('  ✓ ')).map((line) => line.slice(4, 20).trim());
    expect(checked).toEqual([...CALLS, 'broadcast', END, '11 of 11 steps c']);
    expect(text).toContain('{"ClientId":["demo-client",{"exists":false}]}');
    expect(text).toContain('topic demo-responses to queue demo-responses');
    expect(text).toMatch(/→ topic demo-requests +tools\/call greet #\d+ +\d+ B +\+\d+ ms/);
    expect(text).toMatch(/← demo-responses +notifications\/progress 5\/5 +\d+ B/);
    expect(text).toMatch(/← demo-responses +notifications\/message/);
    expect(text).toMatch(/\+ topic demo-responses +subscription created/);
    expect(text).toMatch(/← asyncmcp-response-.{5}… notifications\/message/);
    expect(text).toMatch(/- topic demo-responses +subscription deleted/);
    expect(text).toMatch(/- asyncmcp-response-.{5}… temporary queue deleted/);
    expect(text).toContain('stopped: exit code 0');
    expect(text).toContain('no topic, subscription or queue is left');
  });

  it('shows where everything is posted and every step over webhooks, and leaves nothing', async () => {
    const { code, lines } = await finish(await start(demo, ['webhook']));
    const text = lines.join('\n');
    expect(text).toContain('✓ webhook passed in');
    expect(code).toBe(0);
    const checked = lines.filter((line) => line.startsWith('  ✓ ')).map((line) => line.slice(4, 20).trim());
    expect(checked).toEqual([...CALLS, 'webhook retried', 'forged webhooks', END, '12 of 12 steps c']);
    expect(text).toContain('GET /health → 200 {"status":"ok"}');
    expect(text).toContain('169.254.169.254 → 400 refused');
    expect(text).toMatch(/→ POST \/mcp\/request +200 initialize #/);
    expect(text).toMatch(/→ POST \/mcp\/request +202 tools\/call greet #\d+ +\d+ ms +\+\d+ ms/);
    expect(text).toMatch(/← signed webhook +200 notifications\/progress 5\/5 +\d+ ms/);
    expect(text).toMatch(/→ POST \/mcp\/request +202 notifications\/cancelled #\d+/);
    expect(text).toMatch(/← signed webhook +200 result \(isError\)/);
    const [, first = ''] = /← signed webhook +503 (result #\d+, id \S+)/.exec(text) ?? [];
    expect(text).toMatch(new RegExp(`← signed webhook again 503 ${first} `));
    expect(text).toMatch(new RegExp(`← signed webhook again 200 ${first} `));
    expect(text).toMatch(/← unsigned webhook +401 result #\d+/);
    expect(text).toMatch(/← signed webhook again 401 result #\d+/);
    expect(text).toMatch(/→ DELETE \/mcp\/request +200 end of session/);
    expect(text).toMatch(/→ POST \/mcp\/request +404 ping #\d+/);
    expect(text).toContain('stopped: exit code 0');
    expect(text).toMatch(/webhooks +\d+ came: \d+ taken, all signed; 2 put off \(503\), 4 refused \(401\)/);
    expect(text).toMatch(/ports +both are closed/);
  });

  it('shows which way everything goes and every step over Streamable HTTP with webhooks, and leaves nothing', async () => {
    const { code, lines } = await finish(await start(demo, ['streamable-webhook']));
    const text = lines.join('\n');
    expect(text).toContain('✓ streamable-webhook passed in');
    expect(code).toBe(0);
    const checked = lines.filter((line) => line.startsWith('  ✓ ')).map((line) => line.slice(4, 20).trim());
    const [handshake, toolList, quickTool, slowTool, ...others] = CALLS;
    const first = [handshake, toolList, quickTool, slowTool, 'stock client', ...others];
    expect(checked).toEqual([...first, 'webhook retried', 'forged webhooks', END, '13 of 13 steps c']);
    expect(text).toContain('GET /health → 200 {"status":"ok"}');
    expect(text).toContain('a page of another site → 403 refused');
    expect(text).toContain('169.254.169.254 → 400 refused');
    expect(text).toMatch(/→ POST \/mcp +200 initialize #/);
    expect(text).toMatch(/→ GET \/mcp SSE +200 what the server says itself/);
    expect(text).toContain('3 of 8 have _meta asyncmcp/delivery=webhook');
    expect(text).toMatch(
      /→ POST \/mcp SSE +200 tools\/call greet #2 +\d+ ms +\+\d+ ms\n +← SSE event +result #2 +\d+ B/,
    );
    expect(text).toMatch(
      /→ POST \/mcp +202 tools\/call count_words #3 +\d+ ms +\+\d+ ms\n +← signed webhook +200 notif/,
    );
    expect(text).toMatch(/← signed webhook +200 notifications\/progress 5\/5 +\d+ ms/);
    expect(text).toMatch(/→ POST \/mcp +202 tools\/call analyze #5 +\d+ ms +\+\d+ ms\n +← signed webhook +200 notif/);
    expect(text).toMatch(/← SSE event +elicitation\/create #.+\n +→ POST \/mcp +202 result #/);
    expect(text).toMatch(/→ stock: POST \/mcp SSE 200 tools\/call count_words #1/);
    expect(text).toMatch(/← stock: SSE event +notifications\/progress 2\/2 +\d+ B/);
    expect(text).toMatch(/→ POST \/mcp +202 notifications\/cancelled #\d+/);
    expect(text).toMatch(/← SSE event +result \(isError\)/);
    const [, tried = ''] = /← signed webhook +503 (result #\d+, id \S+)/.exec(text) ?? [];
    expect(text).toMatch(new RegExp(`← signed webhook again 200 ${tried} `));
    expect(text).toMatch(/← unsigned webhook +401 result #\d+/);
    expect(text).toMatch(/→ DELETE \/mcp +200 end of session/);
    expect(text).toMatch(/→ stock: POST \/mcp +404 ping #\d+/);
    expect(text).toContain('stopped: exit code 0');
    expect(text).toMatch(/webhooks +\d+ came: \d+ taken, all signed; 2 put off \(503\), 4 refused \(401\)/);
    expect(text).toMatch(/ports +both are closed/);
  });

  it('prints lines that fit a terminal, and no colours where there is none', async () => {
    const child = await start(demo, []);
    const lines = linesOf(child);
    const { code } = await finish(child);
    expect(lines.filter((line) => line.length > 80 || isStyled(line))).toEqual([]);
    // Without a name it runs all there are.
    expect(lines.filter((line) => / passed in /.test(line))).toHaveLength(4);
    const overview = lines.slice(lines.indexOf('Overview') + 2);
    expect(overview.map((line) => / ✓ (\S+) .* (\d+) steps +\d+ messages +\d+\.\d s$/.exec(line)?.slice(1))).toEqual([
      ['sqs', '10'],
      ['sns-sqs', '11'],
      ['webhook', '12'],
      ['streamable-webhook', '13'],
    ]);
    expect(code).toBe(0);
  });

  it('names the transports there are', async () => {
    const { code, lines } = await finish(await start(demo, ['carrier-pigeon']));
    expect(lines).toEqual(['Unknown transport: carrier-pigeon. There are: sqs, sns-sqs, webhook, streamable-webhook.']);
    expect(code).toBe(2);
  });

  it.each(['sqs', 'webhook', 'streamable-webhook'])(
    'stops the server over %s when it is interrupted',
    async (transport) => {
      const child = await start(demo, [transport]);
      await printed(child, '✓ quick tool');
      const serverPid = Number(/process (\d+)/.exec(child.output)?.[1]);
      child.process.kill('SIGINT');
      const { code, lines } = await finish(child);
      expect(lines).toContain('      interrupted');
      expect(code).toBe(130);
      expect(() => process.kill(serverPid, 0)).toThrow('ESRCH');
    },
  );

  it.each(['sqs', 'webhook', 'streamable-webhook'])('fails at once over %s when the server dies', async (transport) => {
    const child = await start(demo, [transport]);
    await printed(child, '✓ quick tool');
    const serverPid = Number(/process (\d+)/.exec(child.output)?.[1]);
    process.kill(serverPid, 'SIGKILL');
    const { code, lines } = await finish(child);
    expect(lines).toContain('      the server ended: SIGKILL');
    expect(lines.join('\n')).toContain(`✗ ${transport} failed at "slow tool"`);
    expect(code).toBe(1);
  });

  it('takes nothing from an environment that is made for the commands by hand', async () => {
    const env = {
      ASYNCMCP_TRANSPORT: 'sns-sqs',
      ASYNCMCP_HOST: 'nowhere.invalid',
      ASYNCMCP_PORT: '1',
      ASYNCMCP_SESSIONS: '/dev/null/sessions',
    };
    for (const transport of ['sqs', 'webhook', 'streamable-webhook']) {
      const { code, lines } = await finish(await start(demo, [transport], env));
      expect(lines.join('\n')).toContain(`✓ ${transport} passed in`);
      expect(code).toBe(0);
    }
  });
});
