import { transportContract } from '@asyncmcp/testkit';
import { createSqsFixture } from './contract-fixture.js';

transportContract({
  name: 'SQS, standard queues',
  setup: () => createSqsFixture({ fifo: false }),
  supports: {
    'so do characters beyond U+FFFF': 'The emulator refuses them in a body, although SQS itself takes them.',
  },
});
