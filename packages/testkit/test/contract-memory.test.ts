import { transportContract } from '../src/contract/transport-contract.js';
import { createMemoryFixture } from '../src/memory/contract-fixture.js';

transportContract({ name: 'in memory', setup: async () => createMemoryFixture() });
