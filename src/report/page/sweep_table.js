// The page of a sweep, continued: the chosen point, the table, and the page's own checks.

function chosenSection() {
  const p = POINTS[view.chosen];
  if (!p) return h("section", { id: "chosen" }, h("p", { class: "note" },
    "Pick a cell, a dot or a row to see a point and the command that runs it."));
  const rows = S.metrics.map((m, i) => [m.label, show(p.figures[i][0], i),
    range([p.figures[i][1], p.figures[i][2]], (v) => show(v, i))]);
  return h("section", { id: "chosen" }, h("h2", null, `Point ${p.index}`, FRONT.has(p.i)
    ? " (no other point beats it)" : ""), h("div", { class: "pair" },
  h("div", null, table("", ["figure", "#mean", "#95 % interval"], rows)),
  h("div", null, h("h3", null, "Run it"), command(commandOf(p)))));
}

function choose(i) {
  view.chosen = i;
  history.replaceState(null, "", "#point=" + POINTS[i].index);
  redraw();
}

// Filters: a number, a comparison (<=5), a range (2..6), or a part of the text.
function matches(text, number, filter) {
  const f = filter.trim();
  if (!f) return true;
  const compare = f.match(/^(<=|>=|<|>|=)\s*(-?[\d.]+)$/), between = f.match(/^(-?[\d.]+)\.\.(-?[\d.]+)$/);
  if (compare && number !== null) {
    const b = Number(compare[2]);
    return { "<=": number <= b, ">=": number >= b, "<": number < b, ">": number > b,
      "=": number === b }[compare[1]];
  }
  if (between && number !== null) return number >= +between[1] && number <= +between[2];
  return text.includes(f);
}
const columns = () => [{ key: "#", label: "point", of: (p) => p.index, text: (p) => String(p.index) },
  ...S.axes.map((a, i) => ({ key: "a" + i, label: axisName(a),
    of: (p) => a.levels[p.levels[i]].number ?? a.levels[p.levels[i]].text,
    text: (p) => levelName(a.levels[p.levels[i]]) })),
  ...S.metrics.map((m, i) => ({ key: "m" + i, label: m.label, of: (p) => value(p, i),
    text: (p) => show(value(p, i), i) }))];

function filtered() {
  const cols = columns();
  const list = POINTS.filter((p) => cols.every((c) => {
    const v = c.of(p);
    return matches(c.text(p), typeof v === "number" ? v : null, view.filters[c.key] || "");
  }));
  const by = cols.find((c) => c.key === view.sort);
  if (by) {
    // What has no figure comes last.
    const order = (a, b) => (a === b ? 0 : a === null ? 1 : b === null ? -1 : a < b ? -1 : 1);
    list.sort((a, b) => (view.down ? -1 : 1) * order(by.of(a), by.of(b)) || a.i - b.i);
  }
  return list;
}

function tableSection() {
  const cols = columns(), body = h("tbody"), note = h("p", { class: "note", "aria-live": "polite" });
  const more = h("button", { class: "screen", onclick: () => { view.rows += 200; rows(); } },
    "show more rows");
  const heads = cols.map((c) => {
    const sort = h("button", { onclick: () => {
      view.down = view.sort === c.key && !view.down;
      view.sort = c.key;
      rows();
    } }, c.label);
    return { c, th: h("th", { scope: "col", class: "n" }, sort) };
  });
  const rows = () => {
    const list = filtered();
    heads.forEach(({ c, th }) => {
      th.setAttribute("aria-sort", view.sort !== c.key ? "none" : view.down ? "descending"
        : "ascending");
      th.firstChild.textContent = c.label + (view.sort !== c.key ? "" : view.down ? " ↓" : " ↑");
    });
    body.replaceChildren(...list.slice(0, view.rows).map((p) => h("tr", null,
      cols.map((c, i) => h("td", { class: "n" }, i ? c.text(p) : h("button", { class: "point",
        onclick: () => { choose(p.i); document.getElementById("chosen").scrollIntoView(); },
        "aria-label": "show point " + p.index }, (FRONT.has(p.i) ? "◆ " : "") + p.index))))));
    note.textContent = `${group(list.length)} of ${group(POINTS.length)} points`
      + (list.length > view.rows ? `, the first ${group(view.rows)} shown` : "");
    more.hidden = list.length <= view.rows;
  };
  const filters = cols.map((c) => h("td", { class: "n" }, h("input", { size: 7, class: "filter",
    placeholder: "filter", "aria-label": "filter " + c.label, value: view.filters[c.key] || "",
    oninput: (e) => { view.filters[c.key] = e.target.value; rows(); } })));
  rows();
  return h("section", null, h("h2", null, "All points"), h("p", { class: "note screen" },
    "Filters take a number, <=5, 2..6 or a part of the text."), note,
  h("div", { class: "scroll" }, h("table", { id: "points" }, h("thead", null,
    h("tr", null, heads.map((x) => x.th)), h("tr", { class: "screen" }, filters)), body)), more);
}

// ---- the page ----

function sweepParts() {
  return [heatSection(), chosenSection(), curvesSection(), paretoSection(), sensitivitySection(),
    effectsSection(), tableSection()].filter(Boolean);
}
function closing() {
  const all = DATA.all_points, rows = S.dropped.map((d) => [d.constraint, group(d.points)]);
  return [
    all > POINTS.length ? h("p", { class: "note" }, `${group(POINTS.length)} of ${group(all)} points `
      + "are in this page: those no other point beats and an even choice of the others.") : null,
    rows.length ? h("section", null, h("h2", null, "Points that were not run"),
      table("", ["why", "#points"], rows)) : null,
    S.settings.length ? h("section", null, h("h2", null, "Settings of the base"),
      settingsTable(S.settings)) : null,
    footer(S.signature)].filter(Boolean);
}

const anchor = location.hash.match(/^#point=(\d+)$/);
if (anchor) view.chosen = POINTS.findIndex((p) => p.index === Number(anchor[1]));

const sweepChecks = [
  ["the sensitivity names every axis", () => {
    if (!S.sensitivity) return;
    const rows = document.querySelectorAll("#sensitivity tbody tr");
    expect("rows", rows.length === S.axes.length);
    expect("bars", document.querySelectorAll("#sensitivity svg rect").length >= S.axes.length);
  }],
  ["the map has cells", () => expect("cells",
    document.querySelectorAll("#heat rect").length > 1)],
  ["arrow keys move over the map", () => {
    if (bins[view.x].count < 2) return;
    document.getElementById("heat").dispatchEvent(new KeyboardEvent("keydown",
      { key: "ArrowRight" }));
    expect("moved", view.cell[0] === 1);
  }],
  ["Enter picks the best point of the cell", () => {
    document.getElementById("heat").dispatchEvent(new KeyboardEvent("keydown", { key: "Enter" }));
    expect("chosen", view.chosen >= 0);
    expect("command", document.getElementById("chosen").textContent.includes("--set"));
  }],
  ["sorting goes both ways", () => {
    const sort = () => document.querySelectorAll("#points th button")[1].click();
    const first = () => columns()[1].of(filtered()[0]);
    sort();
    const up = first();
    sort();
    expect("order", up <= first());
    expect("aria", document.querySelectorAll("#points th")[1].ariaSort === "descending");
  }],
  ["filters narrow the table", () => {
    const box = document.querySelector("#points input.filter");
    box.value = "<=2";
    box.dispatchEvent(new Event("input"));
    expect("filtered", filtered().every((p) => p.index <= 2));
    box.value = "";
    box.dispatchEvent(new Event("input"));
    expect("all", filtered().length === POINTS.length);
  }],
  ["the axes can be swapped", () => {
    if (S.axes.length < 2) return;
    const [, across] = document.querySelectorAll("section select");
    const before = [view.x, view.y];
    across.value = String(view.y);
    across.dispatchEvent(new Event("change"));
    expect("swapped", view.x === before[1] && view.y === before[0]);
  }],
];
