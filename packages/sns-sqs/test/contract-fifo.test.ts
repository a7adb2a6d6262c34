import { transportContract } from '@asyncmcp/testkit';
import { createSnsSqsFixture } from './contract-fixture.js';

const ONE_BY_ONE = 'The calls of a session are one message group, of which SQS delivers one message at a time.';
const DEDUPLICATED = 'The topic itself drops the second message with the same deduplication id.';

transportContract({
  name: 'SNS and SQS, FIFO topics and queues',
  setup: () => createSnsSqsFixture({ rawMessageDelivery: true, fifo: true }),
  supports: {
    'so do characters beyond U+FFFF': 'The emulator refuses them in a body, although SNS itself takes them.',
    'request ids 1 and "1" are two calls': ONE_BY_ONE,
    '200 calls at once, answered in reverse, each get their own answer': ONE_BY_ONE,
    'a call that waits for its turn can be cancelled': ONE_BY_ONE,
    'several requests of a session are open at once and answered out of order': ONE_BY_ONE,
    'a request that arrives again while it runs is absorbed': ONE_BY_ONE,
    'a second call with the id of one that runs is refused, and the first goes on': ONE_BY_ONE,
    'a client does not take the answer of another session for its own': ONE_BY_ONE,
    'a closing server answers what ends in time, and leaves the rest to the next': ONE_BY_ONE,
    'two servers over one store get the answers to their own requests':
      'Answers are one message group, handed on one after the other: too slow here without an answerTopicArn.',
    'replies that arrive twice reach the caller once': DEDUPLICATED,
    'a request that arrives again after its answer gets the same answer again': DEDUPLICATED,
    'a refusal that is asked for again is given again': DEDUPLICATED,
  },
});
