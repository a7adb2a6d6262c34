import { describe, expect, it } from '@jest/globals';
import { outlineOfHtml } from '../src/page-outline.js';

describe('outlineOfHtml', () => {
  function wordsOf(html: string): number {
    return outlineOfHtml(html).sections.reduce((sum, { words }) => sum + words, 0);
  }

  it('begins a section at each heading', () => {
    const html = '<h1>One <i>two</i></h1>three<div><h2>Four</h2></div><a href=x>five</a><h3></h3>';
    expect(outlineOfHtml(html)).toEqual({
      title: '',
      headings: 3,
      sections: [
        { heading: 'One two', words: 3, links: 0 },
        { heading: 'Four', words: 2, links: 1 },
      ],
    });
  });

  it.each<[string, number]>([
    ['<p>one</p><p>two</p>', 2],
    ['<li>one<li>two', 2],
    ['one<br>two', 2],
    ['<b>o</b>ne', 1],
    ['o<wbr>ne', 1],
    ['one&nbsp;two &mdash; three', 3],
    ['don&#39;t', 1],
    ['<script>var one</script><style>p { }</style><noscript>no</noscript>one', 1],
    ['<!-- one --><svg><title>no</title><text>no</text></svg>one', 1],
    ['<p title="not this">one', 1],
    ['<script>"</p>" < one', 0],
    ['<table><tr><td>1<td>2</table>', 2],
  ])('counts the words of %s: %i', (html, words) => {
    expect(wordsOf(html)).toBe(words);
  });

  it('takes for a link what leads somewhere', () => {
    const html = '<a href="/">one</a> <a name="two">two</a> <area href="/"> <link href="/"> <template><a href="/">';
    expect(outlineOfHtml(html).sections).toEqual([{ heading: '', words: 2, links: 1 }]);
  });

  it('tells the first title in one line, without what commands a terminal, and not all of a long one', () => {
    expect(outlineOfHtml('<svg><title>no</title></svg><title> A \n b\u001B[2J </title><title>c</title>').title).toBe(
      'A b [2J',
    );
    expect(outlineOfHtml(`<title>${'a'.repeat(1000)}</title>`).title).toHaveLength(200);
    expect(outlineOfHtml('<title>').title).toBe('');
  });

  it('is done with a hostile page in no time', () => {
    const startedAt = performance.now();
    expect(() => outlineOfHtml('<b>'.repeat(1500) + '</i>'.repeat(250_000))).toThrow('more than 1000 deep');
    expect(wordsOf('<b>'.repeat(999) + '</i>'.repeat(250_000))).toBe(0);
    expect(wordsOf('.'.repeat(1_000_000))).toBe(0);
    expect(wordsOf('<p '.repeat(300_000))).toBe(0);
    expect(outlineOfHtml('<h1>'.repeat(900)).headings).toBe(900);
    expect(performance.now() - startedAt).toBeLessThan(5000);
  });
});
