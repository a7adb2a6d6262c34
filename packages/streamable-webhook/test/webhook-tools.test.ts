import { describe, expect, it } from '@jest/globals';
import { createDeferred, sessionRecord } from '@asyncmcp/testkit';
import { McpServer } from '@modelcontextprotocol/sdk/server/mcp.js';
import { isWebhookTool, webhookTool } from '../src/index.js';
import { createWebhookToolChoice } from '../src/webhook-tools.js';
import type { Logger } from '@asyncmcp/core';
import type { JSONRPCRequest } from '@modelcontextprotocol/sdk/types.js';
import type { WebhookToolChoice, WebhookToolChoiceOptions } from '../src/webhook-tools.js';

type Ask = WebhookToolChoiceOptions['ask'];

const SESSION = sessionRecord({ id: 'the-session' });
const marked = (name: string) => webhookTool({ name });

/** Answers `tools/list` with pages of tools, and counts how often it was asked. */
function lister(...pages: readonly (readonly unknown[])[]): { readonly ask: Ask; readonly cursors: unknown[] } {
  const cursors: unknown[] = [];
  const ask: Ask = async (_sessionId, _method, params) => {
    const cursor = params?.['cursor'];
    cursors.push(cursor);
    const page = Number(cursor ?? 0);
    const more = page + 1 < pages.length ? { nextCursor: String(page + 1) } : {};
    return { jsonrpc: '2.0', id: 1, result: { tools: pages[page], ...more } };
  };
  return { ask, cursors };
}

function chooser(options: Partial<WebhookToolChoiceOptions>): { choice: WebhookToolChoice; logged: string[] } {
  const logged: string[] = [];
  const log = (level: string) => (_object: object, message?: string) => void logged.push(`${level}: ${message ?? ''}`);
  const logger: Logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') };
  const choice = createWebhookToolChoice({ webhookTools: [], ask: lister([]).ask, logger, ...options });
  return { choice, logged };
}

function toolCall(params: JSONRPCRequest['params'], method = 'tools/call'): JSONRPCRequest {
  return { jsonrpc: '2.0', id: 1, method, params };
}

const isByWebhook = (choice: WebhookToolChoice, name: string, session = SESSION) =>
  choice.isWebhookCall(toolCall({ name }), session, {});

describe('the mark of a webhook tool', () => {
  it('keeps what else is in _meta, and is put on the same tool', () => {
    const mcp = new McpServer({ name: 'x', version: '1' });
    const tool = mcp.registerTool('analyze', { _meta: { mine: 1 } }, () => ({ content: [] }));
    expect(webhookTool(tool)).toBe(tool);
    expect(tool._meta).toEqual({ mine: 1, 'asyncmcp/delivery': 'webhook' });
    expect(isWebhookTool(tool)).toBe(true);
  });

  it.each([{}, { _meta: {} }, { _meta: undefined }, { _meta: { 'asyncmcp/delivery': 'sse' } }])(
    'is not seen in %j',
    (tool) => {
      expect(isWebhookTool(tool)).toBe(false);
    },
  );
});

describe('which calls are by webhook', () => {
  it('those of tools that are named, without asking', async () => {
    const { ask, cursors } = lister([]);
    const { choice } = chooser({ webhookTools: ['analyze', '__proto__'], ask });
    expect(isByWebhook(choice, 'analyze')).toBe(true);
    expect(isByWebhook(choice, '__proto__')).toBe(true);
    expect(cursors).toEqual([]);
    for (const name of ['constructor', 'toString', 'other']) expect(await isByWebhook(choice, name)).toBe(false);
  });

  it.each([
    ['another method', toolCall({ name: 'analyze' }, 'prompts/get')],
    ['no name', toolCall({})],
    ['no params', toolCall(undefined)],
    ['a name that is none', toolCall({ name: ['analyze'] })],
  ])('not %s', (_what, request) => {
    const { choice } = chooser({ webhookTools: () => true });
    expect(choice.isWebhookCall(request, SESSION, {})).toBe(false);
  });

  it('those of tools that are marked on any page, asked for once, until they change', async () => {
    const { ask, cursors } = lister([{ name: 'one' }], [marked('two'), null, { name: 7 }], [marked('three')]);
    const { choice } = chooser({ ask });
    const answers = ['one', 'two', 'three'].map(async (name) => isByWebhook(choice, name));
    expect(await Promise.all(answers)).toEqual([false, true, true]);
    expect(cursors).toEqual([undefined, '1', '2']);
    expect(isByWebhook(choice, 'two')).toBe(true);
    choice.forget(SESSION.id);
    expect(await isByWebhook(choice, 'three')).toBe(true);
    expect(cursors).toHaveLength(6);
  });

  it('session by session', async () => {
    const { choice } = chooser({
      ask: async (sessionId) => ({ jsonrpc: '2.0', id: 1, result: { tools: [marked(`of ${sessionId}`)] } }),
    });
    expect(await isByWebhook(choice, 'of the-session')).toBe(true);
    expect(await isByWebhook(choice, 'of the-session', sessionRecord({ id: 'other' }))).toBe(false);
  });

  it('as they are after a change that came while they were asked for', async () => {
    const first = createDeferred();
    let asked = 0;
    const { choice } = chooser({
      async ask() {
        if (asked++ === 0) await first.promise;
        return { jsonrpc: '2.0', id: 1, result: { tools: asked > 1 ? [marked('later')] : [] } };
      },
    });
    const early = isByWebhook(choice, 'other');
    choice.forget(SESSION.id);
    expect(await isByWebhook(choice, 'later')).toBe(true);
    first.resolve();
    await early;
    expect(await isByWebhook(choice, 'later')).toBe(true);
  });

  it.each<[string, () => ReturnType<Ask>]>([
    ['answers with an error', async () => ({ jsonrpc: '2.0', id: 1, error: { code: -32603, message: 'hiccup' } })],
    ['fails', () => Promise.reject(new Error('hiccup'))],
  ])('asked for again, a second later, where a server %s', async (_what, fail) => {
    let time = 0;
    let asked = 0;
    const { choice, logged } = chooser({
      now: () => time,
      ask: () => (asked++ === 0 ? fail() : lister([marked('analyze')]).ask('', '', {}, {})),
    });
    expect(await isByWebhook(choice, 'analyze')).toBe(false);
    expect(logged).toEqual(['warn: a server does not say which of its tools are webhook tools']);
    time = 999;
    expect(await isByWebhook(choice, 'analyze')).toBe(false);
    expect(asked).toBe(1);
    time = 1000;
    expect(await isByWebhook(choice, 'analyze')).toBe(true);
    expect(isByWebhook(choice, 'analyze')).toBe(true);
    expect(asked).toBe(2);
  });

  it.each<[string, Ask]>([
    ['says nothing', async () => undefined],
    [
      'answers with an error',
      async () => ({ jsonrpc: '2.0', id: 1, error: { code: -32601, message: 'Method not found' } }),
    ],
    ['answers with nonsense', async () => ({ jsonrpc: '2.0', id: 1, result: { tools: 'many', nextCursor: 7 } })],
    [
      'fails',
      async () => {
        throw new Error('gone');
      },
    ],
  ])('none where a server %s', async (_what, ask) => {
    const { choice } = chooser({ ask });
    expect(await isByWebhook(choice, 'any')).toBe(false);
  });

  it.each([
    ['the same cursor again', () => 'same', 2],
    ['pages without an end', (page: number) => String(page), 50],
  ])('is not asked for ever where a server names %s', async (_what, nextCursor, times) => {
    let asked = 0;
    const { choice } = chooser({
      ask: async () => ({ jsonrpc: '2.0', id: 1, result: { tools: [marked('x')], nextCursor: nextCursor(++asked) } }),
    });
    expect(await isByWebhook(choice, 'x')).toBe(true);
    expect(asked).toBe(times);
  });

  it('as a function says, with the arguments and the session; what it throws, and what is not true, is no', () => {
    const seen: unknown[] = [];
    const answers: (() => unknown)[] = [
      () => true,
      () => false,
      () => 'yes',
      () => {
        throw new Error('no idea');
      },
    ];
    const { choice, logged } = chooser({
      webhookTools(...given) {
        seen.push(given);
        return answers[seen.length - 1]?.() as boolean;
      },
    });
    const results = [{ size: 9 }, undefined, 'text', [1]].map((args) =>
      choice.isWebhookCall(toolCall({ name: 'analyze', arguments: args }), SESSION, {}),
    );
    expect(results).toEqual([true, false, false, false]);
    expect(seen[0]).toEqual(['analyze', { size: 9 }, SESSION]);
    expect(seen[1]).toEqual(['analyze', {}, SESSION]);
    expect(seen[2]).toEqual(['analyze', {}, SESSION]);
    expect(logged).toEqual(['error: webhookTools threw, which counts as no']);
  });
});
