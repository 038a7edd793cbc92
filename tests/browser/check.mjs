// Opens a report in headless Chromium and checks what only a browser can tell. Started by tests/html.rs:
//   node check.mjs SCENARIO PAGE...      the scenarios are the keys of `scenarios`
//   node check.mjs pictures FOLDER PAGE...   writes PNGs: each page light and dark, 1280 and 390 pixels wide
// QTE_NODE names the folder whose node_modules hold playwright-core and axe-core (tests/tools.sh).
import assert from 'node:assert/strict';
import { createRequire } from 'node:module';
import { mkdirSync, readFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { pathToFileURL } from 'node:url';

const require = createRequire(join(process.env.QTE_NODE, 'package.json'));
const { chromium } = require('playwright-core');
const axe = readFileSync(require.resolve('axe-core'), 'utf8');

const FLAGS = ['--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
  '--disable-background-networking', '--disable-component-update', '--disable-sync'];
const browser = await chromium.launch({ executablePath: process.env.QTE_CHROMIUM, args: FLAGS });

// A page of its own context that notes all that a page must not do.
const open = async (file, { settings = {}, hash = '' } = {}) => {
  const context = await browser.newContext({ viewport: { width: 1280, height: 900 }, ...settings });
  const page = await context.newPage();
  const wrong = [];
  page.on('request', (request) => {
    if (!/^(file|data):/.test(request.url())) wrong.push(`asked for ${request.url()}`);
  });
  page.on('console', (message) => {
    if (['error', 'warning'].includes(message.type())) wrong.push(`console: ${message.text()}`);
  });
  page.on('pageerror', (error) => wrong.push(`error: ${error.message}`));
  page.on('dialog', (dialog) => { wrong.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on('popup', (popup) => wrong.push(`opened ${popup.url()}`));
  page.on('framenavigated', (frame) => {
    if (!frame.url().startsWith('file:')) wrong.push(`went to ${frame.url()}`);
  });
  await page.goto(pathToFileURL(resolve(file)) + hash);
  return { page, wrong, close: () => context.close() };
};

const openAll = (page) => page.evaluate(() => document.querySelectorAll('details').forEach((d) => { d.open = true; }));
const active = (page, ask) => page.evaluate(ask);
// Long enough for two frames: what a click or a key changes is drawn.
const drawn = (page) => page.evaluate(() => new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))));
const rows = (page) => page.locator('#grid tbody tr');

// Nothing of a page reaches out, complains or runs what a test wrote.
const quiet = async (file) => {
  const { page, wrong, close } = await open(file);
  await openAll(page);
  if (await page.locator('#list').count()) {
    await rows(page).first().click();
    await page.fill('#search', '<');
    await drawn(page);
  }
  for (const element of await page.locator('svg rect title').all()) assert.notEqual(await element.textContent(), '');
  assert.equal(await page.evaluate(() => globalThis.__pwned), undefined, 'hostile content ran');
  // What only hostile content could have made.
  assert.equal(await page.locator('img, iframe, object, embed, form, base, video, math').count(), 0);
  assert.equal(await page.locator('script').count(), 2);
  assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('*')].flatMap((e) => [...e.attributes]
    .filter((a) => a.name.startsWith('on') || (a.name === 'style' && e.id !== 'pad')).map((a) => `${e.tagName} ${a.name}`))), []);
  assert.equal(await page.locator('a:not([href^="#"])').count(), 0);
  // Control characters and marks that reorder text are gone from what is read.
  const shown = await page.evaluate(() => document.body.innerText + document.title);
  assert.doesNotMatch(shown, /[\0-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/);
  for (const width of [1280, 390]) {
    await page.setViewportSize({ width, height: 800 });
    await drawn(page);
    assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, `nothing is wider than ${width}`);
  }
  assert.deepEqual(wrong, []);
  await close();
};

const accessible = async (file, ...widths) => {
  for (const colorScheme of ['light', 'dark']) {
    for (const width of widths.map(Number)) {
      // axe itself would be stopped by the page's policy.
      const { page, close } = await open(file, { settings: { colorScheme, bypassCSP: true, viewport: { width, height: 900 }, reducedMotion: 'reduce' } });
      await openAll(page);
      await page.evaluate(axe);
      const { violations, passes } = await page.evaluate(() => globalThis.axe.run(document, { resultTypes: ['violations'] }));
      const told = violations.map((v) => `${v.id}: ${v.help}: ${v.nodes.slice(0, 3).map((n) => `${n.html.slice(0, 200)} ${n.failureSummary}`).join(' | ')}`);
      assert.deepEqual(told, [], `${basename(file)} ${colorScheme} ${width}`);
      assert.ok(passes.length > 20, 'axe has looked at something');
      await close();
    }
  }
};

// With nothing but a keyboard: to the answer, a search, a filter, the list, the tree, a traceback.
const keys = async (file) => {
  const { page, wrong, close } = await open(file);
  const press = async (key, times = 1) => { for (let n = 0; n < times; n += 1) await page.keyboard.press(key); await drawn(page); };
  const tabTo = async (selector) => {
    for (let n = 0; n < 200; n += 1) {
      if (await page.evaluate((s) => document.activeElement.matches(s), selector)) return;
      await page.keyboard.press('Tab');
    }
    assert.fail(`no Tab leads to ${selector}`);
  };
  await press('Tab');
  assert.equal(await active(page, () => document.activeElement.className), 'skip');
  assert.ok((await page.locator('.skip').boundingBox()).x >= 0, 'the skip link is in sight');
  await press('Enter');
  assert.equal(await active(page, () => document.activeElement.id), 'main');

  await tabTo('.finding details > summary');
  await press('Enter');
  assert.ok(await page.locator('.finding pre').first().isVisible(), 'the traceback is open');
  assert.match(await page.locator('.finding pre').first().textContent(), /AssertionError/);

  await tabTo('#search');
  await page.keyboard.type('ROUNDS half');
  await drawn(page);
  assert.equal(await page.locator('#shown').textContent(), '1 of 415');
  assert.match(await rows(page).first().textContent(), /test_total_rounds_half_up/);
  await press('Control+a');
  await press('Delete');
  await tabTo('input[name="filter"]');
  await press('ArrowRight');
  assert.equal(await page.locator('#shown').textContent(), '3 of 415');
  assert.equal(await rows(page).count(), 3);
  await tabTo('#grid tbody tr');
  await press('ArrowDown');
  await press('Enter');
  assert.match(await page.locator('#chosen').innerText(), /failed/);
  await tabTo('#chosen a');
  await press('Enter');
  assert.match(page.url(), /#finding-\d$/);

  await page.locator('[name="filter"]').first().focus();
  await tabTo('[data-order="time"]');
  await press('Enter');
  assert.equal(await page.locator('th[aria-sort="descending"]').textContent(), 'Time');
  await press('Enter');
  assert.equal(await page.locator('th[aria-sort="ascending"]').textContent(), 'Time');
  await tabTo('#tree summary');
  const name = () => active(page, () => document.activeElement.querySelector('.name').textContent);
  const top = await name();
  await press('ArrowLeft');
  assert.equal(await active(page, () => document.activeElement.parentElement.open), false);
  await press('ArrowRight');
  assert.equal(await active(page, () => document.activeElement.parentElement.open), true);
  await press('ArrowRight');
  assert.notEqual(await name(), top, 'the first child has the focus');
  await press('ArrowLeft', 2);
  assert.equal(await name(), top);
  await press('End');
  await press('Enter');
  assert.equal(await active(page, () => document.activeElement.parentElement.open), true);
  assert.deepEqual(wrong, []);
  await close();
};

// A link opens what it leads to, however deep it is folded.
const links = async (file) => {
  const { page, close } = await open(file);
  await page.click('#collapse');
  const link = page.locator('.where a').first();
  const target = page.locator(await link.getAttribute('href'));
  assert.equal(await target.isVisible(), false);
  await link.click();
  await drawn(page);
  assert.ok(await target.isVisible());
  assert.ok(await target.locator('.source').isVisible(), 'with its source');
  assert.deepEqual(await page.evaluate(() => [...document.querySelectorAll('a[href^="#"]')]
    .map((a) => a.getAttribute('href').slice(1)).filter((id) => !document.getElementById(id))), [], 'links that lead nowhere');
  await close();
};

// Without a script all that matters is there.
const scriptless = async (file) => {
  const { page, wrong, close } = await open(file, { settings: { javaScriptEnabled: false } });
  const text = await page.locator('body').innerText();
  for (const wanted of ['Failed', 'Looser than on the base branch', 'What to do', 'test_total_rounds_half_up', 'src/shop/price.py', 'sha256', 'coverage.lines', 'Every test']) {
    assert.ok(text.includes(wanted), wanted);
  }
  assert.equal(await page.locator('noscript tbody tr').count(), 415);
  for (const id of ['#list', '#tree-tools']) assert.equal(await page.locator(id).isVisible(), false, id);
  assert.deepEqual(wrong, []);
  await close();
};

// However many tests there are, the document holds those in sight.
const large = async (file, count) => {
  const { page, wrong, close } = await open(file);
  const many = Number(count).toLocaleString('en');
  assert.equal(await page.locator('#shown').textContent(), `${many} of ${many}`);
  const grid = page.locator('#grid');
  assert.equal(await grid.getAttribute('aria-rowcount'), String(Number(count) + 1));
  const few = async () => assert.ok(await rows(page).count() < 100, 'few rows are in the document');
  const took = {};
  const timed = async (what, ask) => { took[what] = Math.round(await page.evaluate(ask)); };
  const input = (text) => `(async () => { const from = performance.now(); const box = document.getElementById('search');
    box.value = ${JSON.stringify(text)}; box.dispatchEvent(new Event('input'));
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); return performance.now() - from; })()`;
  await few();
  await timed('first search', input('case_7'));
  await few();
  await timed('second search', input('module_47 case_19'));
  const found = Number((await page.locator('#shown').textContent()).split(' ')[0].replaceAll(',', ''));
  assert.ok(found > 0 && found < Number(count));
  await timed('all again', input(''));
  await timed('sort', `(async () => { const from = performance.now(); document.querySelector('[data-order="time"]').click();
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); return performance.now() - from; })()`);
  await timed('end', `(async () => { const from = performance.now(); const list = document.getElementById('scroll');
    list.scrollTop = list.scrollHeight;
    await new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done))); return performance.now() - from; })()`);
  await drawn(page);
  await few();
  assert.equal(await rows(page).last().getAttribute('aria-rowindex'), String(Number(count) + 1), 'the last test is reached');
  const last = await rows(page).last().boundingBox();
  const frame = await page.locator('#scroll').boundingBox();
  const off = last.y + last.height - frame.y - frame.height;
  assert.ok(Math.abs(off) < 4, `the last row stands ${off} pixels from the lower end`);
  await rows(page).last().click();
  await page.keyboard.press('Home');
  await drawn(page);
  assert.equal(await active(page, () => document.activeElement.getAttribute('aria-rowindex')), '2');
  await few();
  assert.ok(await page.evaluate(() => document.querySelectorAll('*').length) < 5000);
  assert.deepEqual(wrong, []);
  console.log(`milliseconds: ${JSON.stringify(took)}`);
  await close();
};

// What the script unpacks is what was packed: the ids, one a line, by name.
const unpacked = async (file, names) => {
  const { page, close } = await open(file);
  await page.click('[data-order="name"]');
  await page.locator('#scroll').evaluate((list) => { list.style.height = '100000px'; });
  await page.evaluate(() => dispatchEvent(new Event('resize')));
  await drawn(page);
  const shown = await page.locator('#grid td.name').evaluateAll((cells) => cells.map((cell) => cell.textContent));
  assert.deepEqual(shown, JSON.parse(readFileSync(names, 'utf8')));
  // The script writes times as the page does.
  await page.click('[data-order="time"]');
  const times = (selector) => page.locator(`${selector} td.number`).allTextContents();
  const slowest = await times('table:has(caption:text("The slowest tests"))');
  assert.equal(slowest.length, 15);
  assert.deepEqual((await times('#grid')).slice(0, 15), slowest);
  await close();
};

const pictures = async (folder, ...files) => {
  mkdirSync(folder, { recursive: true });
  for (const file of files) {
    for (const colorScheme of ['light', 'dark']) {
      for (const width of [1280, 390]) {
        const { page, close } = await open(file, { settings: { colorScheme, viewport: { width, height: 900 }, deviceScaleFactor: 1 } });
        const path = join(folder, `${basename(file, '.html')}-${colorScheme}-${width}.png`);
        await page.screenshot({ path, fullPage: true });
        console.log(path);
        await close();
      }
    }
  }
};

// The first screen of one page, light and dark: PREFIX-light.png and PREFIX-dark.png.
const firstScreen = async (prefix, file) => {
  for (const colorScheme of ['light', 'dark']) {
    const { page, close } = await open(file, { settings: { colorScheme, viewport: { width: 1280, height: 960 } } });
    await page.screenshot({ path: `${prefix}-${colorScheme}.png` });
    await close();
  }
};

const scenarios = { quiet, accessible, keys, links, scriptless, large, unpacked, pictures, 'first-screen': firstScreen };
const [scenario, ...given] = process.argv.slice(2);
try {
  assert.ok(scenario in scenarios, `one of ${Object.keys(scenarios)}`);
  await scenarios[scenario](...given);
  console.log(`${scenario}: done`);
} finally {
  await browser.close();
}
