import { transportContract } from '@asyncmcp/testkit';
import { NOT_SUPPORTED, createStreamableFixture } from './contract-fixture.js';

transportContract({
  name: 'streamable-webhook, mixed',
  setup: () => createStreamableFixture('mixed'),
  supports: NOT_SUPPORTED.mixed,
});
