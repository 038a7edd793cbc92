// Shows a piece of HTML as GitHub shows a job summary, and says what the page did: node summary.mjs FRAGMENT PNG light|dark [first-screen]
// Prints one JSON object: what was asked of the network, what ran, how each diagram came out, what the page holds.
import { createRequire } from 'node:module';
import { join } from 'node:path';
import { readFileSync } from 'node:fs';

// QTE_NODE names the folder whose node_modules hold the packages (tests/tools.sh).
const modules = join(process.env.QTE_NODE, 'node_modules');
const require = createRequire(join(process.env.QTE_NODE, 'package.json'));
const { chromium } = require('playwright-core');

const [fragment, png, theme = 'light', part] = process.argv.slice(2);
if (!fragment || !png || !['light', 'dark'].includes(theme)) {
  console.error('usage: node summary.mjs FRAGMENT PNG light|dark [first-screen]');
  process.exit(2);
}

const style = readFileSync(join(modules, `github-markdown-css/github-markdown-${theme}.css`), 'utf8');
const mermaid = join(modules, 'mermaid/dist/mermaid.min.js');
const html = `<!doctype html><html><head><meta charset="utf-8"><title>summary</title><style>${style}
body { margin: 0; background: ${theme === 'dark' ? '#0d1117' : '#ffffff'}; }
.markdown-body { box-sizing: border-box; max-width: 980px; margin: 0 auto; padding: 32px; }
</style></head><body><article class="markdown-body">${readFileSync(fragment, 'utf8')}</article></body></html>`;

const browser = await chromium.launch({
  executablePath: '/usr/bin/chromium',
  args: [
    '--headless', '--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run',
    '--disable-background-networking', '--disable-component-update', '--disable-sync',
  ],
});
const seen = { requests: [], dialogs: [], errors: [], diagrams: [] };
try {
  const page = await browser.newPage({ viewport: { width: 1012, height: 800 }, colorScheme: theme });
  page.on('dialog', (dialog) => { seen.dialogs.push(dialog.message()); dialog.dismiss(); });
  page.on('pageerror', (error) => seen.errors.push(String(error)));
  await page.route('**/*', (route) => { seen.requests.push(route.request().url()); route.abort(); });
  await page.setContent(html, { waitUntil: 'load' });
  // What the page does before any script of ours is in it.
  await page.waitForTimeout(300);
  Object.assign(seen, await page.evaluate(() => ({
    ran: Object.keys(window).filter((name) => name.startsWith('hostile')),
    elements: [...new Set([...document.querySelectorAll('article *')].map((e) => e.localName))].sort(),
    attributes: [...new Set([...document.querySelectorAll('article *')].flatMap((e) => e.getAttributeNames()))].sort(),
    folds: document.querySelectorAll('article details').length,
    // A cell or a line that is wider than the page is cut off on GitHub too.
    overflow: [...document.querySelectorAll('article > p, article > ul, article > h2, article > h3')]
      .filter((e) => e.scrollWidth > e.clientWidth + 1).map((e) => e.textContent.slice(0, 80)),
  })));
  const sources = await page.locator('pre > code.language-mermaid').allTextContents();
  if (sources.length > 0) {
    await page.addScriptTag({ path: mermaid });
    seen.diagrams = await page.evaluate(async (theme) => {
      const out = [];
      window.mermaid.initialize({ startOnLoad: false, securityLevel: 'strict', theme: theme === 'dark' ? 'dark' : 'default' });
      for (const [number, code] of [...document.querySelectorAll('pre > code.language-mermaid')].entries()) {
        try {
          const drawn = await window.mermaid.render(`diagram${number}`, code.textContent);
          const holder = document.createElement('div');
          holder.innerHTML = drawn.svg;
          code.parentElement.replaceWith(holder);
          const texts = [...holder.querySelectorAll('text')].map((t) => t.textContent).filter((t) => t.trim());
          out.push({ ok: true, texts, bars: holder.querySelectorAll('rect.task').length });
        } catch (error) {
          out.push({ ok: false, error: String(error) });
        }
      }
      return out;
    }, theme);
  }
  // A picture of a page that is taller than this takes longer than the page.
  const fullPage = part !== 'first-screen' && await page.evaluate(() => document.body.scrollHeight < 16000);
  await page.screenshot({ path: png, fullPage });
} finally {
  await browser.close();
}
console.log(JSON.stringify(seen));
