import { createMemoryFixture } from '../src/memory/contract-fixture.js';
import { transportContract } from '../src/contract/transport-contract.js';

transportContract({ name: 'in memory', setup: async () => createMemoryFixture() });

transportContract({
  name: 'in memory, with a queue for answers',
  setup: async () => createMemoryFixture({ answerQueues: true }),
});
