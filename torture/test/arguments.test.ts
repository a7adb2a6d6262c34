import { describe, expect, it } from '@jest/globals';
import { commandOf, parseArguments } from '../src/arguments.js';

const parse = (...args: string[]) => parseArguments(args, ['sqs', 'webhook'], 7);

describe('arguments', () => {
  it('are all transports for a minute, with any seed, unless they say otherwise', () => {
    expect(parse()).toMatchObject({ transports: ['sqs', 'webhook'], minutes: 1, calls: 0, seed: 7, help: false });
  });

  it('may come behind a separator, as pnpm and turbo hand them on', () => {
    expect(parse('--', 'webhook', '--seed', '5')).toMatchObject({ transports: ['webhook'], seed: 5 });
  });

  it.each([
    [['smtp'], /no transport "smtp"/],
    [['--minutes', 'many'], /--minutes is a number/],
    [['--seed', ''], /--seed is a number/],
    [['--only', '('], /--only is a regular expression/],
    [['--what'], /--what/],
  ])('%j are refused', (args, why) => {
    expect(() => parse(...args)).toThrow(why);
  });
});

describe('the command that does it again', () => {
  it('has every flag that matters', () => {
    const given = parse('--minutes', '0.5', '--calls', '600', '--only', "kill|it's");
    expect(commandOf('sqs', given)).toBe(
      String.raw`pnpm torture sqs --minutes 0.5 --calls 600 --seed 7 --only 'kill|it'\''s'`,
    );
  });

  it('leaves out what is as ever', () => {
    expect(commandOf('sqs', parse())).toBe('pnpm torture sqs --minutes 1 --seed 7');
  });
});
