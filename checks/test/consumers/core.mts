import assert from 'node:assert/strict';
import { AsyncMcpError, MemorySessionStore, isAsyncMcpError } from '@asyncmcp/core';
import type { SessionStore } from '@asyncmcp/core';

const store: SessionStore = new MemorySessionStore();
assert.equal(await store.get('nobody'), undefined);
assert.ok(isAsyncMcpError(new AsyncMcpError('ERR_CLOSED', 'closed'), 'ERR_CLOSED'));
console.log('called');
