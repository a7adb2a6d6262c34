import { isDeepStrictEqual } from 'node:util';
import { AsyncMcpError } from '@asyncmcp/core';

/** Attributes of a subscription, as SNS takes and gives them: all of them text. */
export type SubscriptionAttributes = Readonly<Record<string, string>>;

export interface SubscriptionSettings {
  /** Whether messages arrive as they were published, rather than wrapped in a notification. */
  readonly rawMessageDelivery: boolean;
  /** Whose messages to let through; see {@link filterPolicyOf}. Undefined for all. */
  readonly clientId: string | undefined;
  /** Where SNS puts what it cannot deliver. */
  readonly deadLetterQueueArn: string | undefined;
}

/**
 * The filter policy of a client's response queue: messages for this client, by the attribute `ClientId` that our servers echo,
 * and messages without that attribute, which are broadcasts and the replies of servers that do not echo it (asyncmcp for
 * Python). So the client has to filter by session as well; also because a filter policy takes up to 15 minutes to be in force
 * everywhere. `exists: false` lets no message through that has no attributes at all; ours always have some.
 *
 * @see https://docs.aws.amazon.com/sns/latest/dg/attribute-key-matching.html
 * @see https://docs.aws.amazon.com/sns/latest/dg/sns-subscription-filter-policies.html
 */
function filterPolicyOf(clientId: string): object {
  return { ClientId: [clientId, { exists: false }] };
}

export function subscriptionAttributes(settings: SubscriptionSettings): SubscriptionAttributes {
  const { rawMessageDelivery, clientId, deadLetterQueueArn } = settings;
  return {
    RawMessageDelivery: String(rawMessageDelivery),
    ...(clientId !== undefined && {
      FilterPolicyScope: 'MessageAttributes',
      FilterPolicy: JSON.stringify(filterPolicyOf(clientId)),
    }),
    ...(deadLetterQueueArn !== undefined && {
      RedrivePolicy: JSON.stringify({ deadLetterTargetArn: deadLetterQueueArn }),
    }),
  };
}

/**
 * What a subscription which has the attributes `actual` lacks of `wanted`. What it has stays: somebody wants it so. Raw or
 * wrapped makes no difference to us.
 *
 * @throws AsyncMcpError `ERR_INVALID_OPTION` when its filter policy is not the one that is wanted
 */
export function missingAttributes(
  subscriptionArn: string,
  wanted: SubscriptionAttributes,
  actual: Partial<SubscriptionAttributes>,
): readonly (readonly [name: string, value: string])[] {
  const { FilterPolicy } = wanted;
  const { FilterPolicy: present = '', FilterPolicyScope: scope } = actual;
  const same = FilterPolicy === undefined || (isSame(FilterPolicy, present) && scope !== 'MessageBody');
  if (!isEmpty(present) && !same) {
    const text = `Subscription ${subscriptionArn} has a filter policy for somebody else: ${present}. Use another queue, or end the subscription.`;
    throw new AsyncMcpError('ERR_INVALID_OPTION', text, { details: { subscriptionArn } });
  }
  return Object.entries(wanted).filter(([name]) => ADDABLE.includes(name) && isEmpty(actual[name]));
}

/** What a subscription can be without. */
const ADDABLE: readonly string[] = ['FilterPolicy', 'RedrivePolicy'];

/** Whether an attribute says nothing: what was taken back is `{}`. */
function isEmpty(value: string | undefined): boolean {
  return value === undefined || value === '' || value === '{}';
}

/** Policies are JSON, in whatever spelling. */
function isSame(wanted: string, actual: string | undefined): boolean {
  if (actual === undefined || wanted === actual) return wanted === actual;
  try {
    return isDeepStrictEqual(JSON.parse(wanted), JSON.parse(actual));
  } catch {
    return false;
  }
}
