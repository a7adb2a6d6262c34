import type { SessionRecord } from '@asyncmcp/core';

/** A record of a session that is up and running; what is given replaces its members. */
export function sessionRecord(members: Partial<SessionRecord> = {}): SessionRecord {
  return {
    id: 'session-1',
    clientId: 'client-1',
    replyTo: 'https://sqs.us-east-1.amazonaws.com/000000000000/replies',
    protocolVersion: '2025-06-18',
    initializeParams: {
      protocolVersion: '2025-06-18',
      capabilities: { sampling: {}, roots: { listChanged: true } },
      clientInfo: { name: 'tester ✓', version: '1.0.0' },
      _meta: { responseQueueUrl: 'https://sqs.us-east-1.amazonaws.com/000000000000/replies' },
    },
    initialized: true,
    createdAt: 1_750_000_000_000,
    lastSeenAt: 1_750_000_000_001,
    ...members,
  };
}
