// One page of the documentation: its Markdown, links to other pages, and the frame around it.

import { posix } from 'node:path';
import { Marked } from 'marked';

const { dirname, join } = posix;

/** Pages that say the same in the other language. */
const PAIRS = [
  ['docs/ko/quickstart.md', 'README.md', '#quick-start'],
  ['docs/ko/how-it-works.md', 'README.md', '#how-it-works'],
  ['docs/ko/limits.md', 'README.md', '#limits'],
  ['docs/ko/deployment.md', 'docs/deployment.md', ''],
];

const FRAMES = {
  ko: { demo: '데모', all: '영어 문서 목록', other: 'English', inEnglish: '<span class="in-english">(영어)</span>', skip: '본문으로 건너뛰기' },
  en: { demo: 'Demo', all: 'All documentation', other: '한국어', inEnglish: '', skip: 'Skip to the text' },
};

const languageOf = (name) => (name.startsWith('docs/ko/') ? 'ko' : 'en');
const urlOf = (name) => `/${name.replace(/\.md$/, '.html')}`;
const escaped = (text) => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/"/g, '&quot;');

/** The anchor of a heading, as GitHub makes it and `docs/check.py` checks it. */
function slugOf(text, seen) {
  const slug = text.toLowerCase().replace(/[^\p{L}\p{N}_\- ]/gu, '').replace(/ /g, '-');
  const count = seen.get(slug) ?? 0;
  seen.set(slug, count + 1);
  return count ? `${slug}-${count}` : slug;
}

/**
 * @param {string} name The page's path in the repository.
 * @param {string} markdown
 * @param {string[]} names The paths of all pages. Links to other files of the repository stay text.
 * @param {string} style The URL of the style sheet.
 */
export function render(name, markdown, names, style) {
  const language = languageOf(name);
  const frame = FRAMES[language];
  const seen = new Map();
  const images = [];
  const marked = new Marked({
    renderer: {
      heading({ tokens, depth }) {
        const id = slugOf(plain(tokens), seen);
        return `<h${depth} id="${id}">${this.parser.parseInline(tokens)}</h${depth}>\n`;
      },
      link({ href, tokens }) {
        const text = this.parser.parseInline(tokens);
        if (/^https?:/.test(href)) return `<a href="${escaped(href)}" rel="noreferrer">${text}</a>`;
        const [path, anchor = ''] = href.split('#');
        const target = path ? join(dirname(name), path) : name;
        if (!names.includes(target)) return text;
        const note = languageOf(target) === language || /영문|영어/.test(text) ? '' : frame.inEnglish;
        return `<a href="${urlOf(target)}${anchor && `#${anchor}`}">${text}</a>${note}`;
      },
      image({ href, text }) {
        images.push(href);
        return `<img src="/${join(dirname(name), href)}" alt="${escaped(text)}">`;
      },
      table(token) {
        const row = (cells, tag) => `<tr>${cells.map((cell) => `<${tag}>${this.parser.parseInline(cell.tokens)}</${tag}>`).join('')}</tr>`;
        const body = token.rows.map((cells) => row(cells, 'td')).join('\n');
        return `<div class="table" tabindex="0"><table><thead>${row(token.header, 'th')}</thead><tbody>${body}</tbody></table></div>\n`;
      },
      code({ text }) {
        return `<pre tabindex="0"><code>${escaped(text)}</code></pre>\n`;
      },
      // Only comments, which mark what a script writes.
      html: () => '',
    },
  });
  const tokens = marked.lexer(markdown);
  const title = plain(tokens.find(({ type }) => type === 'heading')?.tokens ?? []);
  const first = plain(tokens.find(({ type }) => type === 'paragraph')?.tokens ?? []).replace(/\s+/g, ' ');
  const description = escaped(first.length > 160 ? `${first.slice(0, 159)}…` : first);
  const body = marked.parser(tokens);
  const html = `<!doctype html>
<html lang="${language}">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="description" content="${description}">
<meta property="og:title" content="${escaped(title)}">
<meta property="og:description" content="${description}">
<link rel="icon" href="/favicon.svg" type="image/svg+xml">
<link rel="apple-touch-icon" href="/apple-touch-icon.png">
<link rel="stylesheet" href="${style}">
<title>${escaped(title)} · kakao-login</title>
</head>
<body>
<a class="skip" href="#text">${frame.skip}</a>
<header>
<a class="brand" href="/"><img src="/favicon.svg" alt="" width="28" height="28">kakao-login</a>
<nav><a href="/">${frame.demo}</a><a href="/docs/README.html">${frame.all}</a>${otherLanguage(name, frame)}</nav>
</header>
<main id="text">
${body}</main>
</body>
</html>
`;
  return { html, images };
}

/** A link to the page in the other language, if there is one. */
function otherLanguage(name, { other }) {
  const pair = PAIRS.find(([korean]) => korean === name) ?? PAIRS.find(([, english]) => english === name);
  if (!pair) return '';
  const [korean, english, anchor] = pair;
  const [url, language] = name === korean ? [urlOf(english) + anchor, 'en'] : [urlOf(korean), 'ko'];
  return `<a href="${url}" hreflang="${language}" lang="${language}">${other}</a>`;
}

/** The text of a heading or a paragraph, without its marks. */
function plain(tokens) {
  return tokens.map((token) => (token.tokens ? plain(token.tokens) : (token.text ?? ''))).join('');
}
