import { transportContract } from '@asyncmcp/testkit';
import { createSnsSqsFixture } from './contract-fixture.js';

transportContract({
  name: 'SNS and SQS, wrapped in notifications',
  setup: () => createSnsSqsFixture({ rawMessageDelivery: false, fifo: false }),
});
