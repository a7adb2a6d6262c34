import { transportContract } from '@asyncmcp/testkit';
import { createSqsFixture } from './contract-fixture.js';

transportContract({ name: 'SQS, standard queues', setup: () => createSqsFixture({ fifo: false }) });
