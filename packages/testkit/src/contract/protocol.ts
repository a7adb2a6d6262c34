import { deepEqual, equal, match, ok, rejects } from 'node:assert/strict';
import {
  LoggingMessageNotificationSchema,
  ResourceUpdatedNotificationSchema,
} from '@modelcontextprotocol/sdk/types.js';
import { contractCase } from './contract-case.js';
import { SERVER_INFO } from './test-server.js';
import type { JSONRPCMessage } from '@modelcontextprotocol/sdk/types.js';
import type { ContractGroup } from './contract-case.js';

/** The features of MCP, through the SDK's own client and server. */
export const protocol: ContractGroup = {
  name: 'the protocol',
  cases: [
    contractCase('initialize gives the client a session and a protocol version', async (stage) => {
      const test = stage.testServer();
      const server = await stage.server(test);
      const client = stage.newClient();
      equal(client.transport.sessionId, undefined);
      await client.connect();
      const [session, ...others] = server.sessions.list();
      deepEqual(others, []);
      equal(session?.id, client.sessionId);
      equal(session.clientId, client.transport.clientId);
      ok(session.protocolVersion);
      equal(client.transport.protocolVersion, session.protocolVersion);
      equal(client.sdk.getServerVersion()?.name, SERVER_INFO.name);
    }),

    contractCase('createServer is told whose session it makes a server for', async (stage) => {
      const { test, client, server } = await stage.pair({}, { clientId: 'client-with-a-name' });
      const [session] = test.created;
      equal(session?.id, client.sessionId);
      equal(session.clientId, 'client-with-a-name');
      equal(session.resumed, false);
      equal(session.replyTo, server.sessions.list()[0]?.replyTo);
      equal(session.initializeParams.clientInfo.name, 'contract-client');
    }),

    contractCase('tools are listed and called', async (stage) => {
      const { client } = await stage.pair();
      const { tools } = await client.sdk.listTools();
      ok(tools.some(({ name }) => name === 'echo'));
      equal(await client.call('echo', 'hello'), 'hello');
      equal(await client.call('whoami', ''), client.sessionId);
    }),

    contractCase('text of any script travels unharmed, a long one too', async (stage) => {
      const { client } = await stage.pair();
      const text = 'ﬁn – 日本語 – שלום – "quotes" \\ \n\t\u0000\u2028\ufffe\uffff\ud800 – é';
      equal(await client.call('echo', text), text);
      const long = text.repeat(200);
      equal(await client.call('echo', long), long);
    }),

    contractCase('so do characters beyond U+FFFF', async (stage) => {
      const { client } = await stage.pair();
      equal(await client.call('echo', '👩‍🚀 𝕄ℂℙ'), '👩‍🚀 𝕄ℂℙ');
    }),

    contractCase('a tool that fails is a result, not an error', async (stage) => {
      const { client } = await stage.pair();
      const { isError, content } = await client.callTool('fail', 'today');
      equal(isError, true);
      deepEqual(content, [{ type: 'text', text: 'failed on purpose: today' }]);
    }),

    contractCase('unknown tools, prompts and methods are errors the caller sees', async (stage) => {
      const { client } = await stage.pair();
      const peer = await stage.peer();
      // The SDK's McpServer makes a result of it.
      const { isError, content } = await client.callTool('no-such-tool', '');
      equal(isError, true);
      match(JSON.stringify(content), /no-such-tool not found/);
      await rejects(client.sdk.getPrompt({ name: 'no-such-prompt' }), { code: -32602 });
      await rejects(client.sdk.readResource({ uri: 'contract://nowhere' }), { code: -32602 });
      await peer.request(1, 'constructor', {}, { sessionId: await peer.initialize() });
      const reply = await peer.reply(1);
      equal('error' in reply && reply.error.code, -32601);
    }),

    contractCase('resources and templates are listed and read', async (stage) => {
      const { client } = await stage.pair();
      const { resources } = await client.sdk.listResources();
      deepEqual(
        resources.map(({ uri }) => uri),
        ['contract://readme'],
      );
      const { resourceTemplates } = await client.sdk.listResourceTemplates();
      deepEqual(
        resourceTemplates.map(({ uriTemplate }) => uriTemplate),
        ['contract://users/{name}'],
      );
      const fixed = await client.sdk.readResource({ uri: 'contract://readme' });
      deepEqual(fixed.contents, [{ uri: 'contract://readme', text: 'read me' }]);
      const templated = await client.sdk.readResource({ uri: 'contract://users/ada' });
      deepEqual(templated.contents, [{ uri: 'contract://users/ada', text: 'user ada' }]);
    }),

    contractCase('a subscriber hears of a changed resource', async (stage) => {
      const { client } = await stage.pair();
      const updated: string[] = [];
      client.sdk.setNotificationHandler(
        ResourceUpdatedNotificationSchema,
        ({ params }) => void updated.push(params.uri),
      );
      await client.sdk.subscribeResource({ uri: 'contract://readme' });
      await client.call('update', 'contract://readme');
      await client.until('the notification', () => client.messages('notifications/resources/updated').length === 1);
      await client.sdk.unsubscribeResource({ uri: 'contract://readme' });
      deepEqual(updated, ['contract://readme']);
    }),

    contractCase('prompts are listed and got', async (stage) => {
      const { client } = await stage.pair();
      const { prompts } = await client.sdk.listPrompts();
      deepEqual(
        prompts.map(({ name }) => name),
        ['review'],
      );
      const { messages } = await client.sdk.getPrompt({ name: 'review', arguments: { language: 'python' } });
      deepEqual(messages[0]?.content, { type: 'text', text: 'Review this python code.' });
    }),

    contractCase('arguments of prompts and templates are completed', async (stage) => {
      const { client } = await stage.pair();
      const forPrompt = await client.sdk.complete({
        ref: { type: 'ref/prompt', name: 'review' },
        argument: { name: 'language', value: 'p' },
      });
      deepEqual(forPrompt.completion.values, ['python', 'pascal']);
      const forTemplate = await client.sdk.complete({
        ref: { type: 'ref/resource', uri: 'contract://users/{name}' },
        argument: { name: 'name', value: 'a' },
      });
      deepEqual(forTemplate.completion.values, ['ada', 'alan']);
    }),

    contractCase('log messages reach the client, from the level it asked for', async (stage) => {
      const { client, test } = await stage.pair();
      await client.sdk.setLoggingLevel('warning');
      const { server } = test.serverOf(client.sessionId);
      await server.sendLoggingMessage({ level: 'info', data: 'too fine' }, client.sessionId);
      await server.sendLoggingMessage({ level: 'error', data: 'outside of any call' }, client.sessionId);
      await client.call('log', 'within a call');
      const logged = (): readonly unknown[] => client.messages('notifications/message').map(dataOf);
      await client.until('both messages', () => logged().length === 2);
      deepEqual(logged(), ['outside of any call', 'within a call']);
    }),

    contractCase('the client hears of new tools, prompts and resources', async (stage) => {
      const { client } = await stage.pair();
      await client.call('grow', 'sprout');
      for (const kind of ['tools', 'prompts', 'resources']) {
        const method = `notifications/${kind}/list_changed`;
        await client.until(method, () => client.messages(method).length === 1);
      }
      const { tools } = await client.sdk.listTools();
      ok(tools.some(({ name }) => name === 'sprout'));
    }),

    contractCase('either side can ping the other', async (stage) => {
      const { client, test } = await stage.pair();
      deepEqual(await client.sdk.ping(), {});
      deepEqual(await test.serverOf(client.sessionId).server.ping(), {});
    }),
  ],
};

function dataOf(message: JSONRPCMessage): unknown {
  return LoggingMessageNotificationSchema.parse(message).params.data;
}
