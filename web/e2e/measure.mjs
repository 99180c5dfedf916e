// What the tests of the demo page measure.

import assert from 'node:assert/strict';

const WIDTHS = [360, 390, 1280];

/** Nothing sticks out to the side, and everything to press is large enough for a thumb. */
export const fits = (page) => measure(page, 'a, button');

/** Nothing sticks out to the side. Links inside of a text are as high as its lines. */
export const narrow = (page) => measure(page, 'header a');

async function measure(page, pressed) {
  const before = page.viewportSize();
  for (const width of WIDTHS) {
    await page.setViewportSize({ width, height: 844 });
    const { wide, small } = await page.evaluate((pressed) => ({
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      small: [...document.querySelectorAll(pressed)]
        .map((element) => ({ name: element.textContent, box: element.getBoundingClientRect() }))
        .filter(({ box }) => box.width > 0 && (box.width < 44 || box.height < 44))
        .map(({ name, box }) => `${name}: ${box.width} x ${box.height}`),
    }), pressed);
    assert.deepEqual([wide, small], [0, []], `at ${width} px`);
  }
  await page.setViewportSize(before);
}

/** The texts whose colour is too close to what is behind them (WCAG 2.2, 1.4.3). */
export function faint(page) {
  return page.evaluate(() => {
    const paint = document.createElement('canvas').getContext('2d', { willReadFrequently: true });
    const over = (colors) => {
      paint.clearRect(0, 0, 1, 1);
      for (const color of colors) [paint.fillStyle, paint.globalAlpha] = [color, 1], paint.fillRect(0, 0, 1, 1);
      return [...paint.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const luminance = (rgb) => {
      const [r, g, b] = rgb.map((value) => value / 255).map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4));
      return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const found = [];
    const top = document.querySelector('dialog[open]') ?? document.body;
    for (const element of top.querySelectorAll('*')) {
      const words = [...element.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim());
      if (!words || element.closest('dialog:not([open])') || element.closest('.unseen, noscript')) continue;
      const { color, fill, fontSize, fontWeight } = getComputedStyle(element);
      const behind = [];
      for (let parent = element; parent; parent = parent.parentElement) behind.unshift(getComputedStyle(parent).backgroundColor);
      const text = element instanceof SVGElement ? fill : color;
      const [a, b] = [luminance(over(behind)), luminance(over([...behind, text]))].sort((x, y) => y - x);
      const ratio = (a + 0.05) / (b + 0.05);
      const isLarge = parseFloat(fontSize) >= 24 || (parseFloat(fontSize) >= 18.66 && Number(fontWeight) >= 700);
      if (ratio < (isLarge ? 3 : 4.5)) found.push(`${element.textContent}: ${ratio.toFixed(2)}`);
    }
    return found;
  });
}
