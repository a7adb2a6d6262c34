import { describe, expect, it } from '@jest/globals';
import { statementId, topicStatement, withStatement, withoutStatement } from '../src/queue-policy.js';
import { queueArn, statementOf, topicArn } from './topology.js';

const statement = topicStatement(topicArn('replies'), queueArn('alice'));
const foreign = { Sid: 'mine', Effect: 'Deny', Principal: '*', Action: 'sqs:*', Resource: queueArn('alice') };
const nameless = { Effect: 'Allow', Principal: { AWS: '123456789012' }, Action: 'sqs:ReceiveMessage' };

const parse = (policy: string | undefined): unknown => (policy === undefined ? undefined : JSON.parse(policy));

describe('the policy of a queue', () => {
  it('lets one topic send, and nobody else do anything', () => {
    expect(statement).toEqual(statementOf('replies', 'alice'));
    expect(statementId(topicArn('a'))).not.toBe(statementId(topicArn('b')));
  });

  it.each([undefined, ''])('begins with the statement when it is %p', (policy) => {
    expect(parse(withStatement(policy, statement))).toEqual({ Version: '2012-10-17', Statement: [statement] });
  });

  it('keeps the statements of others, and everything else', () => {
    const policy = { Version: '2008-10-17', Id: 'x', Statement: [foreign, nameless] };
    const merged = { ...policy, Statement: [foreign, nameless, statement] };
    expect(parse(withStatement(JSON.stringify(policy), statement))).toEqual(merged);
    expect(parse(withoutStatement(JSON.stringify(merged), statement.Sid))).toEqual(policy);
  });

  it('reads a single statement that stands without an array', () => {
    const policy = JSON.stringify({ Version: '2012-10-17', Statement: foreign });
    expect(parse(withStatement(policy, statement))).toMatchObject({ Statement: [foreign, statement] });
    expect(withoutStatement(policy, statement.Sid)).toBeUndefined();
  });

  it('replaces a statement of the same Sid, and leaves the same statement alone', () => {
    const older = { ...statement, Action: 'sqs:*' };
    const policy = JSON.stringify({ Version: '2012-10-17', Statement: [older, foreign] });
    const merged = withStatement(policy, statement);
    expect(parse(merged)).toMatchObject({ Statement: [foreign, statement] });
    expect(withStatement(merged, statement)).toBeUndefined();
  });

  it('is removed with its last statement', () => {
    expect(withoutStatement(withStatement(undefined, statement), statement.Sid)).toBe('');
    expect(withoutStatement(undefined, statement.Sid)).toBeUndefined();
  });

  it('is not overwritten when it cannot be read', () => {
    expect(() => withStatement('[]', statement)).toThrow('no JSON object');
  });
});
