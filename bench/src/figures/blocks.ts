/**
 * Puts texts between the markers of a Markdown document: `<!-- figures: name -->` and `<!-- /figures -->`.
 *
 * @throws Error for a marker that has no text here, or no end
 */
export function fillBlocks(markdown: string, texts: Readonly<Record<string, string>>): string {
  return markdown.replaceAll(
    /(<!-- figures: (.+?) -->\n)([^]*?)(<!-- (.+?) -->)/g,
    (_, start, name, _old, end, ended) => {
      const text = texts[String(name)];
      if (text === undefined)
        throw new Error(`There are no figures "${String(name)}"; there are: ${Object.keys(texts).join(', ')}.`);
      if (ended !== '/figures')
        throw new Error(`The figures "${String(name)}" do not end before <!-- ${String(ended)} -->.`);
      return `${String(start)}\n${text}\n\n${String(end)}`;
    },
  );
}
