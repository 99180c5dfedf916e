// The demo's pages as a stranger's browser gets them: their language, what they say to search engines, and the rendered documentation.

import assert from 'node:assert/strict';
import { readdir, readFile } from 'node:fs/promises';
import { after, before, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { picture, startDemo } from './demo.mjs';
import { faint, narrow } from './measure.mjs';

const DOCS = fileURLToPath(new URL('../../docs', import.meta.url));

let demo;
before(async () => (demo = await startDemo()));
after(() => demo?.stop());

const languageOf = (page) => page.getAttribute('html', 'lang');
/** Once the page's script has run: before that, its HTML is Korean. */
async function speaks(page, language) {
  await page.locator(`.languages [lang=${language}][aria-pressed=true]`).waitFor();
  assert.equal(await languageOf(page), language);
}

test('the page speaks the first of the browser’s languages that it knows, until another one is chosen', async () => {
  for (const [locale, language] of [['en-GB', 'en'], ['ko-KR', 'ko'], ['fr-FR', 'ko']]) {
    const { page, context, isClean } = await demo.visit(language, { locale });
    await speaks(page, language);
    isClean();
    await context.close();
  }
  const { page, context } = await demo.visit('ko');
  // Chromium gives a page only the first language of its locale.
  await page.addInitScript(() => Object.defineProperty(navigator, 'languages', { value: ['de', 'en-US', 'ko'] }));
  await page.reload();
  await speaks(page, 'en');
  await page.getByRole('button', { name: '한국어' }).click();
  await page.reload();
  await speaks(page, 'ko');
  await context.close();
});

test('the page has a title, a description, an icon and a preview, also before its script runs', async () => {
  const html = await (await fetch(`${demo.api}/`)).text();
  for (const part of ['name="description" content="카카오', 'property="og:title" content="카카오', 'property="og:description"']) assert.ok(html.includes(part), part);
  for (const [path, type] of [['/favicon.svg', 'image/svg+xml'], ['/apple-touch-icon.png', 'image/png']]) {
    assert.ok(html.includes(path), path);
    assert.equal((await fetch(demo.api + path)).headers.get('content-type'), type);
  }
  const { page, context } = await demo.visit('en');
  assert.match(await page.getAttribute('meta[name=description]', 'content'), /^Try a Kakao login/);
  await context.close();
});

test('scripts and styles are sent compressed, and are a third of their size at most', async () => {
  const html = await (await fetch(`${demo.api}/`)).text();
  const assets = html.match(/\/assets\/[^"]+/g);
  assert.ok(assets.some((path) => path.endsWith('.js')) && assets.some((path) => path.endsWith('.css')), assets.join());
  const size = async (path, encoding) => {
    const response = await fetch(demo.api + path, { headers: { 'accept-encoding': encoding } });
    assert.equal(response.headers.get('content-encoding'), encoding === 'identity' ? null : encoding, path);
    assert.match(response.headers.get('vary'), /accept-encoding/);
    await response.arrayBuffer();
    return Number(response.headers.get('content-length'));
  };
  const sum = async (encoding) => (await Promise.all(assets.map((path) => size(path, encoding)))).reduce((a, b) => a + b);
  const [plain, br, gzip] = [await sum('identity'), await sum('br'), await sum('gzip')];
  assert.ok(br < plain / 3 && gzip < plain / 2.8 && br < gzip, `${plain} ${gzip} ${br}`);
});

test('every page of the documentation is rendered, and every link in it leads somewhere', async () => {
  const files = (await readdir(DOCS, { recursive: true })).filter((name) => name.endsWith('.md'));
  const waiting = ['/README.html', ...files.map((name) => `/docs/${name.replace(/\.md$/, '.html')}`)];
  const pages = new Map();
  const { page, context, isClean } = await demo.visit('en');
  for (let path; (path = waiting.pop()); ) {
    if (pages.has(path)) continue;
    const response = await page.goto(demo.api + path);
    assert.equal(response.status(), 200, path);
    assert.match(response.headers()['content-security-policy'], /default-src 'none'; script-src 'self'/, path);
    const found = await page.evaluate(() => ({
      language: document.documentElement.lang,
      title: document.title,
      ids: [...document.querySelectorAll('[id]')].map(({ id }) => id),
      links: [...document.querySelectorAll('a')].map(({ href }) => href),
      // Links that say themselves that they are English need no mark.
      inText: [...document.querySelectorAll('main a')].filter((a) => !/영문|영어/.test(a.textContent)).map(({ href }) => href),
      marked: [...document.querySelectorAll('main a')].filter((a) => a.nextElementSibling?.textContent === '(영어)' && a.nextElementSibling === a.nextSibling).map(({ href }) => href),
      images: [...document.images].filter(({ complete, naturalWidth }) => !complete || naturalWidth === 0).map(({ src }) => src),
      raw: document.querySelector('main').innerText.includes(']('),
    }));
    pages.set(path, found);
    for (const link of found.links.filter((link) => link.startsWith(demo.api))) {
      const { pathname } = new URL(link);
      if (pathname.endsWith('.html')) waiting.push(pathname);
    }
  }
  assert.ok(pages.size >= files.length + 2, 'and web/README.md');
  for (const [path, { language, title, links, inText, marked, images, raw }] of pages) {
    assert.equal(language, path.startsWith('/docs/ko/') ? 'ko' : 'en', path);
    assert.match(title, /\S · kakao-login$/, path);
    assert.deepEqual([images, raw], [[], false], path);
    for (const link of links.filter((link) => link.startsWith(demo.api))) {
      const { pathname, hash } = new URL(link);
      if (pathname === '/') continue;
      const target = pages.get(pathname);
      assert.ok(target && (!hash || target.ids.includes(decodeURIComponent(hash.slice(1)))), `${path} → ${link}`);
    }
    const isEnglish = (link) => link.startsWith(demo.api) && !new URL(link).pathname.startsWith('/docs/ko/');
    if (language === 'ko') assert.deepEqual(marked, inText.filter(isEnglish), `${path}: marked as English`);
  }
  assert.ok(pages.get('/docs/ko/limits.html').marked.length > 0, 'links to English pages are marked');
  isClean();
  await context.close();
});

for (const [language, footer] of [['ko', ['동작 원리', '한계', '배포', '빠른 시작']], ['en', ['How it works', 'Limits', 'Deploy', 'Quick start']]]) {
  test(`the footer leads to readable pages in ${language}`, async () => {
    const { page, context, isClean } = await demo.visit(language);
    for (const [index, name] of footer.entries()) {
      await page.goto(demo.api);
      await page.getByRole('contentinfo').getByRole('link', { name }).click();
      await page.waitForURL(/\.html/);
      assert.equal(await languageOf(page), language, name);
      await narrow(page);
      assert.deepEqual(await faint(page), [], name);
      await picture(page, `docs-${language}-${index}`);
      const other = page.locator('header a[hreflang]');
      assert.equal(await other.getAttribute('hreflang'), language === 'ko' ? 'en' : 'ko');
    }
    isClean();
    await context.close();
  });
}

test('Korean pages are Korean, and as complete as the English ones that they stand for', async () => {
  for (const name of ['how-it-works', 'limits', 'deployment', 'quickstart']) {
    const text = await readFile(`${DOCS}/ko/${name}.md`, 'utf8');
    const prose = text.replace(/```[^]*?```|`[^`]*`|\]\([^)]*\)/g, '');
    const [korean, latin] = [/[가-힣]/g, /[A-Za-z]/g].map((letters) => prose.match(letters)?.length ?? 0);
    assert.ok(korean > 2 * latin && text.split('\n').length > 40, `${name}: ${korean} ${latin}`);
  }
});
