// A tab that WebDriver drives, with those methods of Playwright's pages that our tests use.

import { until } from '../world.mjs';

/** Starts a function of the page. If it returns a promise, that need not have settled when the next function starts. */
const BEGIN = (work, arg) => `
  const value = (${work})(${arg === undefined ? '' : JSON.stringify(arg)});
  if (typeof value?.then !== 'function') return { end: { value } };
  const run = {};
  (window.runs ??= []).push(run);
  value.then((value) => (run.end = { value }), (error) => (run.end = { error: String(error) }));
  return { id: window.runs.length - 1 };`;
const END = 'const run = window.runs?.[arguments[0]]; return run ? run.end ?? null : { error: "the page was left" };';

/** The first or last element that fits the selector and has the text, or the innermost such element. */
const FIND = `
  const { selector, text, exact, last, innermost } = arguments[0];
  const words = (element) => element.textContent.replace(/\\s+/g, ' ').trim();
  const fits = (element) => (exact ? words(element) === text : words(element).toLowerCase().includes(text.toLowerCase()));
  const all = [...document.querySelectorAll(selector)].filter((element) => fits(element) && !(innermost && [...element.children].some(fits)));
  return all.at(last ? -1 : 0) ?? null;`;
const ELEMENT = 'element-6066-11e4-a52e-4f735466cecf';

/** Lets the page's clock differ by so much from the machine's. */
const SHIFT = (offset) => `
  window.clockOffset = ${offset};
  if (!window.hasOwnClock) {
    window.hasOwnClock = true;
    const now = Date.now;
    const shifted = () => now() + window.clockOffset;
    window.Date = new Proxy(Date, { construct: (Date, args) => (args.length ? new Date(...args) : new Date(shifted())) });
    window.Date.now = shifted;
  }`;

/** `at` runs a command when it is this tab's turn, `addScript` a script in every page that is opened from now on. */
export function page(at, driver, { addScript, close }) {
  const run = (script, ...args) => at(() => driver.execute({ script, args }));

  async function evaluate(work, arg) {
    let { id, end } = await run(BEGIN(work, arg));
    if (!end) await until(async () => (end = await run(END, id)), `an end of ${work}`);
    if (end.error) throw new Error(end.error);
    return end.value;
  }
  /** A page may be left meanwhile. */
  const waitForFunction = (condition, arg, { timeout } = {}) => until(() => evaluate(condition, arg).catch(() => false), String(condition), timeout);
  // WebKit's driver does not wait for the scripts of a browser's first page.
  const loaded = () => waitForFunction(() => document.readyState === 'complete');
  const url = () => at(() => driver.url());

  function locator(selector, { hasText = '', ...rest } = {}) {
    const what = { selector, text: hasText, ...rest };
    const find = () => driver.execute({ script: FIND, args: [what] });
    const here = (work) =>
      until(() => at(async () => {
        const found = await find().catch(() => null);
        // It may be covered, or gone by now.
        return found && work(found[ELEMENT]).then(() => true, () => false);
      }), `${selector} ${hasText}`);
    return {
      first: () => locator(selector, { hasText }),
      last: () => locator(selector, { hasText, last: true }),
      waitFor: () => here(async () => {}),
      click: () => here((id) => driver.click(id)),
      textContent: () => evaluate((selector) => document.querySelector(selector)?.textContent, selector),
    };
  }

  return {
    evaluate,
    waitForFunction,
    url,
    locator,
    getByText: (text, { exact } = {}) => locator('body *', { hasText: text, exact, innermost: true }),
    goto: (url) => at(() => driver.navigate({ url })).then(loaded),
    reload: () => at(() => driver.refresh()).then(loaded),
    goBack: () => at(() => driver.back()).then(loaded),
    goForward: () => at(() => driver.forward()).then(loaded),
    waitForLoadState: loaded,
    waitForURL: (pattern) => until(async () => pattern.test(await url()), `an address like ${pattern}`),
    clock: {
      async setSystemTime(time) {
        const shift = SHIFT(time - Date.now());
        await addScript(shift);
        await run(shift);
      },
    },
    close,
    cookies: () => at(() => driver.cookies()),
    addCookie: (cookie) => at(() => driver.addCookie({ cookie })),
  };
}
