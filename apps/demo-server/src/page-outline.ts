import { Parser } from 'htmlparser2';
import { countWords, inOneLine, shorten } from './text.js';

/** What is between two headings of a page, the first of them included. */
export interface Section {
  /** Empty for what comes before the first heading. */
  readonly heading: string;
  readonly words: number;
  readonly links: number;
}

export interface PageOutline {
  /** Empty if there is none. */
  readonly title: string;
  readonly headings: number;
  readonly sections: readonly Section[];
}

/** What is not read, or not as text. */
const SILENT = new Set(['iframe', 'math', 'noscript', 'script', 'style', 'svg', 'template']);

const HEADINGS = new Set(['h1', 'h2', 'h3', 'h4', 'h5', 'h6']);

/** Those that may begin or end within a word. */
const INLINE = new Set(
  'a abbr b bdi bdo cite code data del dfn em font i ins kbd mark q s samp small span strong sub sup time u var wbr'.split(
    ' ',
  ),
);

/** Longest title and heading that is told, in characters. */
const MAX_TITLE = 200;

/** The parser's time goes with the depth, and a stranger wrote the page. Browsers end at 512. */
const MAX_DEPTH = 1000;

/** @throws Error if the page's elements are nested too deep */
export function outlineOfHtml(html: string): PageOutline {
  const builder = new OutlineBuilder();
  new Parser(builder).end(html);
  return builder.outline();
}

/** Of text that has no marks: all one section. */
export function outlineOfText(text: string): PageOutline {
  return { title: '', headings: 0, sections: [{ heading: '', words: countWords(text), links: 0 }] };
}

interface OpenSection {
  heading: string;
  text: string;
  links: number;
}

/** Takes what the parser finds. */
class OutlineBuilder {
  readonly #sections: Section[] = [];
  #section: OpenSection = { heading: '', text: '', links: 0 };
  #title: string | undefined;
  #headings = 0;
  #depth = 0;
  /** How many elements are open that are not read. */
  #silent = 0;
  #reading: 'title' | 'heading' | 'text' = 'text';

  onopentag(name: string, attributes: Readonly<Record<string, string>>): void {
    if (++this.#depth > MAX_DEPTH) throw new Error(`The page nests its elements more than ${MAX_DEPTH} deep.`);
    if (SILENT.has(name)) this.#silent++;
    if (this.#silent > 0) return;
    if (!INLINE.has(name)) this.#section.text += ' ';
    if (name === 'a' && attributes['href'] !== undefined) this.#section.links++;
    if (name === 'title' && this.#title === undefined) {
      this.#title = '';
      this.#reading = 'title';
    } else if (HEADINGS.has(name)) {
      this.#endSection();
      this.#headings++;
      this.#reading = 'heading';
    }
  }

  ontext(text: string): void {
    if (this.#silent > 0) return;
    if (this.#reading === 'title') {
      this.#title += text;
      return;
    }
    this.#section.text += text;
    if (this.#reading === 'heading') this.#section.heading += text;
  }

  onclosetag(name: string): void {
    this.#depth--;
    if (SILENT.has(name)) this.#silent--;
    if (this.#silent > 0) return;
    if (!INLINE.has(name)) this.#section.text += ' ';
    if (name === 'title' || HEADINGS.has(name)) this.#reading = 'text';
  }

  /** After the parser has ended. */
  outline(): PageOutline {
    this.#endSection();
    return { title: told(this.#title ?? ''), headings: this.#headings, sections: this.#sections };
  }

  #endSection(): void {
    const { heading, text, links } = this.#section;
    const section = { heading: told(heading), words: countWords(text), links };
    if (section.words > 0 || links > 0) this.#sections.push(section);
    this.#section = { heading: '', text: '', links: 0 };
  }
}

function told(title: string): string {
  return shorten(inOneLine(title), MAX_TITLE);
}
