import { transportContract } from '@asyncmcp/testkit';
import { createSqsFixture } from './contract-fixture.js';

transportContract({ name: 'SQS, FIFO queues', setup: () => createSqsFixture({ fifo: true }) });
