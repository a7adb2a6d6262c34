import { transportContract } from '@asyncmcp/testkit';
import { createSnsSqsFixture } from './contract-fixture.js';

transportContract({
  name: 'SNS and SQS, raw delivery',
  setup: () => createSnsSqsFixture({ rawMessageDelivery: true, fifo: false }),
  supports: {
    'so do characters beyond U+FFFF': 'The emulator refuses them in a body, although SNS itself takes them.',
  },
});
