// Renders the repository's Markdown as pages of the demo: `docs/keys.md` becomes `/docs/keys.html`.

import { readdir, readFile } from 'node:fs/promises';
import { dirname, join, normalize } from 'node:path';
import { fileURLToPath } from 'node:url';
import { render } from './render.mjs';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
const STYLE = fileURLToPath(new URL('./docs.css', import.meta.url));

/** The Markdown files that become pages, by their paths in the repository. */
async function sources() {
  const docs = await readdir(join(ROOT, 'docs'), { recursive: true });
  const pages = docs.filter((name) => name.endsWith('.md')).map((name) => `docs/${name}`);
  return ['README.md', 'CHANGELOG.md', 'CONTRIBUTING.md', 'SECURITY.md', 'web/README.md', ...pages.sort()];
}

/** @returns {import('vite').Plugin} */
export function docs() {
  return {
    name: 'docs',
    async generateBundle() {
      const names = await sources();
      const style = this.emitFile({ type: 'asset', name: 'docs.css', source: await readFile(STYLE) });
      const images = new Set();
      for (const name of names) {
        const page = render(name, await readFile(join(ROOT, name), 'utf8'), names, `/${this.getFileName(style)}`);
        this.emitFile({ type: 'asset', fileName: name.replace(/\.md$/, '.html'), source: page.html });
        for (const image of page.images) images.add(normalize(join(dirname(name), image)));
      }
      for (const image of images) this.emitFile({ type: 'asset', fileName: image, source: await readFile(join(ROOT, image)) });
    },
    /** In development, pages are rendered when they are asked for. */
    configureServer({ middlewares }) {
      middlewares.use(async (request, response, next) => {
        const [path] = (request.url ?? '').split('?');
        if (path === '/docs.css') {
          response.setHeader('content-type', 'text/css');
          return void response.end(await readFile(STYLE));
        }
        const names = await sources();
        const name = names.find((name) => `/${name.replace(/\.md$/, '.html')}` === path);
        if (!name) return next();
        response.setHeader('content-type', 'text/html; charset=utf-8');
        response.end(render(name, await readFile(join(ROOT, name), 'utf8'), names, '/docs.css').html);
      });
    },
  };
}
