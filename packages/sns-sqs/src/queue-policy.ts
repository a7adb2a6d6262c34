import { createHash } from 'node:crypto';
import { isDeepStrictEqual } from 'node:util';
import { AsyncMcpError, isRecord } from '@asyncmcp/core';

/** The statement of a queue's policy that lets one topic, and nobody else, send to the queue. */
export interface TopicStatement {
  readonly Sid: string;
  readonly Effect: 'Allow';
  readonly Principal: { readonly Service: 'sns.amazonaws.com' };
  readonly Action: 'sqs:SendMessage';
  readonly Resource: string;
  readonly Condition: { readonly ArnEquals: { readonly 'aws:SourceArn': string } };
}

/** @see https://docs.aws.amazon.com/sns/latest/dg/subscribe-sqs-queue-to-sns-topic.html */
export function topicStatement(topicArn: string, queueArn: string): TopicStatement {
  return {
    Sid: statementId(topicArn),
    Effect: 'Allow',
    Principal: { Service: 'sns.amazonaws.com' },
    Action: 'sqs:SendMessage',
    Resource: queueArn,
    Condition: { ArnEquals: { 'aws:SourceArn': topicArn } },
  };
}

/** The same for the same topic, so that nothing is added twice; letters and digits are what a Sid may hold (IAM). */
export function statementId(topicArn: string): string {
  return `AsyncMcp${createHash('sha256').update(topicArn).digest('hex').slice(0, 24)}`;
}

/** `policy` with `statement` instead of one with the same Sid, all others untouched; undefined when it is there already. */
export function withStatement(policy: string | undefined, statement: TopicStatement): string | undefined {
  const document = parsePolicy(policy);
  const statements = statementsOf(document);
  if (statements.some((other) => isDeepStrictEqual(other, statement))) return undefined;
  const others = statements.filter((other) => !hasSid(other, statement.Sid));
  return JSON.stringify({ Version: '2012-10-17', ...document, Statement: [...others, statement] });
}

/** `policy` without the statement of that Sid, empty when there is no other; undefined when it is not there. */
export function withoutStatement(policy: string | undefined, sid: string): string | undefined {
  const document = parsePolicy(policy);
  const statements = statementsOf(document);
  const others = statements.filter((other) => !hasSid(other, sid));
  if (others.length === statements.length) return undefined;
  return others.length === 0 ? '' : JSON.stringify({ ...document, Statement: others });
}

function parsePolicy(policy = ''): Record<string, unknown> {
  if (policy === '') return {};
  try {
    const document: unknown = JSON.parse(policy);
    if (isRecord(document)) return document;
  } catch {
    // Said below.
  }
  throw new AsyncMcpError('ERR_INTERNAL', 'The policy of the queue is no JSON object; mend it first.', {
    details: { policy },
  });
}

/** A single statement may stand without an array (IAM JSON policy grammar). */
function statementsOf({ Statement = [] }: Record<string, unknown>): readonly unknown[] {
  return Array.isArray(Statement) ? Statement : [Statement];
}

function hasSid(statement: unknown, sid: string): boolean {
  return isRecord(statement) && statement['Sid'] === sid;
}
