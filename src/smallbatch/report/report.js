// The table of points (sorted, filtered, a page at a time), the rates for one's own m, and open details for printing.
"use strict";

const shown = (value) => (value === null ? "–" : typeof value === "number" ? String(value).replace("-", "−") : value);

function pointsTable(section, data) {
  const perPage = 50;
  const { columns, rows, rates, base } = data;
  const state = { sort: null, down: false, page: 0, filters: columns.map(() => "") };
  const written = new Map(Object.entries(rates).map(([rate, word]) => [Number(rate), word]));
  const text = (column, value) => (columns[column].name === "η̃" && written.has(value) ? written.get(value) : shown(value));

  // A filter of numbers: 0.5, >0.5, >=0.5, <0.5, <=0.5 or 0.1..0.5; powers such as 2**-8 are read too.
  const number = (word) => {
    const plain = word.trim().replace("−", "-");
    const power = plain.match(/^2(?:\*\*|\^)(-?\d+)$/);
    return power ? 2 ** Number(power[1]) : plain ? Number(plain) : NaN;
  };
  function accepts(column, filter) {
    if (columns[column].kind === "text") return (value) => value === filter;
    const span = filter.match(/^(.+)\.\.(.+)$/);
    if (span) {
      const [low, high] = [number(span[1]), number(span[2])];
      return Number.isNaN(low + high) ? null : (value) => value !== null && value >= low && value <= high;
    }
    const [, sign, word] = filter.match(/^(>=|<=|>|<|=)?\s*(.+)$/);
    const bound = number(word);
    if (Number.isNaN(bound)) return null;
    const near = Math.abs(bound) * 1e-9;
    return {
      ">": (value) => value !== null && value > bound,
      "<": (value) => value !== null && value < bound,
      ">=": (value) => value !== null && value >= bound,
      "<=": (value) => value !== null && value <= bound,
    }[sign] || ((value) => value !== null && Math.abs(value - bound) <= near);
  }

  const table = section.querySelector("table");
  const [names, filters] = table.tHead.rows;
  const count = section.querySelector("[role=status]");
  const [previous, next] = section.querySelectorAll(".pager button");

  function found() {
    const tests = [];
    state.filters.forEach((filter, column) => {
      if (!filter.trim()) return;
      const test = accepts(column, filter.trim());
      filters.cells[column].firstChild.setAttribute("aria-invalid", test ? "false" : "true");
      if (test) tests.push((row) => test(row[column]));
    });
    const kept = rows.filter((row) => tests.every((test) => test(row)));
    if (state.sort === null) return kept;
    const sign = state.down ? -1 : 1;
    return kept.sort((one, two) => {
      const [a, b] = [one[state.sort], two[state.sort]];
      if (a === b) return 0;
      if (a === null || b === null) return a === null ? 1 : -1; // what is missing comes last, either way
      return sign * (a < b ? -1 : 1);
    });
  }

  function draw() {
    const kept = found();
    const pages = Math.max(1, Math.ceil(kept.length / perPage));
    state.page = Math.min(state.page, pages - 1);
    const start = state.page * perPage;
    const body = document.createElement("tbody");
    for (const row of kept.slice(start, start + perPage)) {
      const line = body.insertRow();
      columns.forEach((_, column) => { line.insertCell().textContent = text(column, row[column]); });
      const run = row[columns.length];
      const cell = line.insertCell();
      if (run) {
        const link = cell.appendChild(document.createElement("a"));
        link.href = base + run;
        link.textContent = "run";
        link.setAttribute("aria-label", `MLflow run of m = ${row[0]}, seed ${row[columns.findIndex((one) => one.name === "seed")]}`);
      } else cell.textContent = "–";
    }
    table.tBodies[0].replaceWith(body);
    const last = Math.min(start + perPage, kept.length);
    count.textContent = kept.length
      ? `${(start + 1).toLocaleString("en")}–${last.toLocaleString("en")} of ${kept.length.toLocaleString("en")} points`
      : "no point is like that";
    previous.disabled = state.page === 0;
    next.disabled = state.page === pages - 1;
    [...names.cells].slice(0, columns.length).forEach((cell, column) => {
      cell.setAttribute("aria-sort", state.sort !== column ? "none" : state.down ? "descending" : "ascending");
    });
  }

  columns.forEach((column, i) => {
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = column.name;
    button.onclick = () => {
      state.down = state.sort === i && !state.down;
      state.sort = i;
      state.page = 0;
      draw();
    };
    const name = names.appendChild(document.createElement("th"));
    name.scope = "col";
    name.append(button);
    const values = [...new Set(rows.map((row) => row[i]))];
    const choice = column.kind === "text";
    const field = document.createElement(choice ? "select" : "input");
    if (choice) field.append(new Option("all", ""), ...values.sort().map((value) => new Option(value)));
    else field.placeholder = i === 0 ? ">=32" : "";
    field.setAttribute("aria-label", `show only: ${column.name}`);
    field.oninput = () => {
      state.filters[i] = field.value;
      field.setAttribute("aria-invalid", "false");
      state.page = 0;
      draw();
    };
    filters.appendChild(document.createElement("td")).append(field);
  });
  names.appendChild(document.createElement("th")).textContent = "MLflow";
  filters.appendChild(document.createElement("td"));
  previous.onclick = () => { state.page -= 1; draw(); };
  next.onclick = () => { state.page += 1; draw(); };
  draw();
  section.hidden = false;
}

function ratesFor(form, fits) {
  const [field] = form.elements;
  const out = form.querySelector("output");
  const short = (value) => String(Number(value.toPrecision(2)));
  const say = () => {
    const m = Number(field.value);
    if (!(m >= 1)) { out.textContent = "write a batch size of 1 or more"; return; }
    out.textContent = fits.map((fit) => {
      const x = Math.log2(m);
      if (m < fit.smallest || m > fit.largest) return `${fit.name}: none is recommended beyond m = ${fit.smallest} to ${fit.largest}`;
      const i = Math.max(1, fit.sizes.findIndex((size) => size >= x - 1e-9));
      const share = (x - fit.sizes[i - 1]) / (fit.sizes[i] - fit.sizes[i - 1]);
      const at = fit.rates[i - 1] + share * (fit.rates[i] - fit.rates[i - 1]);
      return `${fit.name}: η̃ ≈ ${short(2 ** at / m)}, η ≈ ${short(2 ** at)} (95% interval ${short(2 ** (at - fit.half))} to ${short(2 ** (at + fit.half))})`;
    }).join("\n");
  };
  field.oninput = say;
  form.onsubmit = (event) => event.preventDefault();
  form.hidden = false;
  say();
}

const read = (id) => JSON.parse(document.getElementById(id).textContent);
pointsTable(document.getElementById("points-table"), read("points-data"));
if (document.getElementById("own-m")) ratesFor(document.getElementById("own-m"), read("fits-data"));

let opened = [];
window.addEventListener("beforeprint", () => {
  opened = [...document.querySelectorAll("details.printed:not([open])")];
  opened.forEach((one) => { one.open = true; });
});
window.addEventListener("afterprint", () => opened.forEach((one) => { one.open = false; }));
