'use strict';
(() => {
  const byId = (id) => document.getElementById(id);
  const element = (name, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(name), properties);
    made.append(...children);
    return made;
  };

  // Whatever a link leads to is opened.
  const reveal = () => {
    let at = location.hash.length > 1 ? byId(location.hash.slice(1)) : null;
    if (!at) return;
    const inner = at.matches('.file') && at.querySelector(':scope > details');
    if (inner) inner.open = true;
    for (let up = at.closest('details'); up; up = up.parentElement.closest('details')) up.open = true;
    at.scrollIntoView();
  };

  const tree = () => {
    const root = byId('tree');
    if (!root) return;
    byId('tree-tools').hidden = false;
    const all = (open) => () => root.querySelectorAll('details').forEach((one) => { one.open = open; });
    byId('expand').addEventListener('click', all(true));
    byId('collapse').addEventListener('click', all(false));
    for (const name of ['only-missed', 'only-changed']) {
      byId(name)?.addEventListener('change', (event) => root.classList.toggle(name, event.target.checked));
    }
    const parent = (summary) => summary.parentElement.parentElement.closest('details')?.querySelector('summary');
    const seen = () => [...root.querySelectorAll('summary')].filter((one) =>
      !one.parentElement.parentElement.closest('details:not([open])') && one.checkVisibility());
    root.addEventListener('keydown', (event) => {
      const here = event.target;
      if (!here.matches('summary') || event.altKey || event.ctrlKey || event.metaKey) return;
      const step = (by) => { const rows = seen(); return rows[rows.indexOf(here) + by]; };
      const to = {
        ArrowDown: () => step(1),
        ArrowUp: () => step(-1),
        Home: () => seen()[0],
        End: () => seen().at(-1),
        ArrowRight: () => { if (here.parentElement.open) return step(1); here.parentElement.open = true; },
        ArrowLeft: () => { if (!here.parentElement.open) return parent(here); here.parentElement.open = false; },
      }[event.key];
      if (!to) return;
      event.preventDefault();
      to()?.focus();
    });
  };

  // The columns that `src/tell/html/cases.rs` packs.
  const unpack = () => {
    const packed = JSON.parse(byId('packed').textContent);
    let before = '';
    packed.names = packed.names.map((coded) => (before = before.slice(0, coded.charCodeAt(0) - 256) + coded.slice(1)));
    const place = new Uint32Array(packed.names.length);
    let at = 0;
    for (const [count, path] of packed.places) place.fill(path, at, at += count);
    packed.path = (test) => place[test] - 1;
    packed.place = (test) => {
      const path = packed.paths[packed.path(test)];
      const line = packed.lines[test];
      return path === undefined ? '' : line ? `${path}:${line}` : path;
    };
    packed.finding = new Map(packed.findings);
    return packed;
  };

  const WORDS = { f: 'failed', e: 'error', k: 'flaky', s: 'skipped', p: 'passed' };

  // As `src/tell/html/numbers.rs` writes it: cut, never rounded up.
  const duration = (micros) => {
    if (micros === 0) return '0 s';
    if (micros < 1e3) return `0.${String(Math.floor(micros / 10)).padStart(2, '0')} ms`;
    if (micros < 1e6) return `${Math.floor(micros / 1e3)} ms`;
    if (micros < 6e7) return `${(Math.floor(micros / 1e5) / 10).toFixed(1)} s`;
    return `${Math.floor(micros / 6e7).toLocaleString('en')} min ${Math.floor(micros / 1e6) % 60} s`;
  };

  const badge = (outcome) => {
    const svg = document.createElementNS('http://www.w3.org/2000/svg', 'svg');
    const use = document.createElementNS('http://www.w3.org/2000/svg', 'use');
    svg.setAttribute('class', 'icon');
    svg.setAttribute('aria-hidden', 'true');
    use.setAttribute('href', `#i-${outcome}`);
    svg.append(use);
    return element('span', { className: `badge o-${outcome}` }, svg, element('span', { className: 'word', textContent: outcome }));
  };

  // Which tests are shown, in which order. Both change rarely; a list of numbers is all there is.
  const selection = (tests) => {
    const count = tests.names.length;
    const rank = { f: 0, e: 0, k: 1, p: 2, s: 2 };
    const time = tests.micros;
    const orders = {
      name: (a, b) => a - b,
      time: (a, b) => time[a] - time[b] || a - b,
      worst: (a, b) => rank[tests.outcomes[a]] - rank[tests.outcomes[b]] || time[b] - time[a] || a - b,
    };
    const lower = [];
    const lowered = (many) => { while (lower.length < many) lower.push(tests.names[lower.length].toLowerCase()); };
    // In small parts, ahead of the first search.
    const ahead = () => {
      lowered(Math.min(count, lower.length + 10000));
      if (lower.length < count) setTimeout(ahead);
    };
    setTimeout(ahead);
    let sorted = null;
    let sortedBy = '';
    return (order, backwards, outcomes, wanted) => {
      if (sortedBy !== order + backwards) {
        sorted = Uint32Array.from({ length: count }, (_, at) => at).sort(orders[order]);
        if (backwards) sorted.reverse();
        sortedBy = order + backwards;
      }
      if (wanted) lowered(count);
      const words = wanted.toLowerCase().split(/\s+/).filter(Boolean);
      // A path belongs to many tests: it is looked at once.
      const inPath = words.map((word) => tests.paths.map((path) => path.toLowerCase().includes(word)));
      return sorted.filter((at) => (!outcomes || outcomes.includes(tests.outcomes[at]))
        && words.every((word, nth) => inPath[nth][tests.path(at)] || lower[at].includes(word)));
    };
  };

  // One test in full, below the list.
  const choose = (tests, test) => {
    const outcome = WORDS[tests.outcomes[test]];
    const lines = [
      element('p', {}, badge(outcome), ` ${duration(tests.micros[test])}`),
      element('p', {}, element('code', { textContent: tests.names[test] })),
    ];
    const place = tests.place(test);
    if (place) lines.push(element('p', { className: 'dim' }, element('code', { textContent: place })));
    const finding = tests.finding.get(test);
    if (finding) {
      const link = element('a', { href: `#finding-${finding}`, textContent: 'Its finding, with the traceback' });
      lines.push(element('p', {}, link));
    }
    const panel = byId('chosen');
    panel.className = `o-${outcome}`;
    panel.hidden = false;
    panel.replaceChildren(...lines);
  };

  // Only the rows in sight are in the document, and some above and below.
  const MORE_ROWS = 12;

  const list = (tests) => {
    const scroll = byId('scroll');
    const pad = byId('pad');
    const grid = byId('grid');
    const body = grid.tBodies[0];
    const state = { shown: [], active: 0, chosen: -1, height: 32, head: 32, first: -1, last: -1 };

    const row = (index) => {
      const test = state.shown[index];
      const name = element('td', { className: 'name', textContent: tests.names[test] });
      const made = element('tr', { tabIndex: index === state.active ? 0 : -1 },
        element('td', {}, badge(WORDS[tests.outcomes[test]])), name,
        element('td', { className: 'number', textContent: duration(tests.micros[test]) }));
      made.setAttribute('aria-rowindex', index + 2);
      made.setAttribute('aria-selected', test === state.chosen);
      made.dataset.index = index;
      return made;
    };
    const measure = () => {
      state.head = grid.tHead.offsetHeight;
      state.height = body.rows[0]?.getBoundingClientRect().height || state.height;
    };
    const draw = (anew) => {
      const first = Math.max(0, Math.floor(scroll.scrollTop / state.height) - MORE_ROWS);
      const in_sight = Math.ceil(scroll.clientHeight / state.height) + 2 * MORE_ROWS;
      const last = Math.min(state.shown.length, first + in_sight);
      if (!anew && first === state.first && last === state.last) return;
      Object.assign(state, { first, last });
      const focused = body.contains(document.activeElement);
      if (!focused && (state.active < first || state.active >= last)) {
        state.active = Math.min(Math.ceil(scroll.scrollTop / state.height), Math.max(0, state.shown.length - 1));
      }
      const rows = [];
      for (let index = first; index < last; index += 1) rows.push(row(index));
      body.replaceChildren(...rows);
      pad.style.paddingTop = `${first * state.height}px`;
      pad.style.paddingBottom = `${(state.shown.length - last) * state.height}px`;
      // The keys go on working when the row that had the focus has left.
      if (focused) (body.querySelector('tr[tabindex="0"]') ?? scroll).focus({ preventScroll: true });
    };
    const show = (shown) => {
      Object.assign(state, { shown, active: 0 });
      grid.setAttribute('aria-rowcount', shown.length + 1);
      byId('shown').textContent = `${shown.length.toLocaleString('en')} of ${tests.names.length.toLocaleString('en')}`;
      scroll.scrollTop = 0;
      draw(true);
      const { height } = state;
      measure();
      if (state.height !== height) draw(true);
    };
    const go = (index) => {
      state.active = Math.max(0, Math.min(state.shown.length - 1, index));
      const top = state.active * state.height;
      const room = scroll.clientHeight - state.head - state.height;
      if (top < scroll.scrollTop) scroll.scrollTop = top;
      else if (top > scroll.scrollTop + room) scroll.scrollTop = top - room;
      draw(true);
      (body.querySelector('tr[tabindex="0"]') ?? scroll).focus({ preventScroll: true });
    };
    const pick = (index) => {
      if (index >= state.shown.length) return;
      state.chosen = state.shown[index];
      choose(tests, state.chosen);
      go(index);
    };
    scroll.addEventListener('scroll', () => requestAnimationFrame(() => draw(false)), { passive: true });
    addEventListener('resize', () => { measure(); draw(true); });
    body.addEventListener('click', (event) => pick(Number(event.target.closest('tr').dataset.index)));
    scroll.addEventListener('keydown', (event) => {
      if (event.target.closest('thead') || event.altKey || event.ctrlKey || event.metaKey) return;
      const page = Math.max(1, Math.floor(scroll.clientHeight / state.height) - 2);
      const to = {
        ArrowDown: () => go(state.active + 1),
        ArrowUp: () => go(state.active - 1),
        PageDown: () => go(state.active + page),
        PageUp: () => go(state.active - page),
        Home: () => go(0),
        End: () => go(state.shown.length - 1),
        Enter: () => pick(state.active),
        ' ': () => pick(state.active),
      }[event.key];
      if (!to) return;
      event.preventDefault();
      to();
    });
    return show;
  };

  const tests = () => {
    if (!byId('list')) return;
    byId('list').hidden = false;
    const all = unpack();
    const select = selection(all);
    const show = list(all);
    let order = 'worst';
    let backwards = false;
    const refresh = () => {
      const outcomes = document.querySelector('input[name="filter"]:checked').value;
      show(select(order, backwards, outcomes, byId('search').value.trim()));
    };
    byId('search').addEventListener('input', () => requestAnimationFrame(refresh));
    byId('filter').addEventListener('change', refresh);
    byId('grid').tHead.addEventListener('click', (event) => {
      const chosen = event.target.closest('button')?.dataset.order;
      if (!chosen) return;
      // The slowest are asked for more often than the fastest.
      backwards = chosen === order ? !backwards : chosen === 'time';
      order = chosen;
      for (const head of byId('grid').tHead.rows[0].cells) {
        const sorted = head.firstElementChild.dataset.order === order;
        head.setAttribute('aria-sort', sorted ? (backwards ? 'descending' : 'ascending') : 'none');
      }
      refresh();
    });
    refresh();
  };

  tree();
  tests();
  reveal();
  addEventListener('hashchange', reveal);
})();
