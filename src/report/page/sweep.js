// The page of a sweep: one point a combination of settings. Also the lower half of the optimizer's page.

const S = DATA.sweep;
const POINTS = S.points.map(([index, levels, figures], i) => ({ i, index, levels, figures }));
const FRONT = new Set(S.pareto);
const SERIES = [["var(--v0)", "", "circle"], ["var(--v1)", "6 3", "square"],
  ["var(--bad)", "2 3", "up"], ["var(--v2)", "9 3 2 3", "diamond"], ["var(--v3)", "4 2", "down"],
  ["var(--bad4)", "", "cross"]];

// What the viewer looks at.
const view = { metric: 0, x: 0, y: Math.min(1, S.axes.length - 1), fixed: S.axes.map(() => -1),
  px: 0, py: Math.max(Math.min(1, S.metrics.length - 1),
  S.metrics.findIndex((m) => m.unit === "s")), chosen: -1, sort: null, down: false, filters: {},
  rows: 50, cell: [0, 0] };

const unit = (m) => S.metrics[m].unit;
const value = (p, m) => p.figures[m][0];
const show = (v, m) => figure(v, unit(m));
const axisName = (a) => a.label + (a.unit ? ` (${a.unit})` : "");
const metricName = (m) => S.metrics[m].label;
const best = (m) => (S.metrics[m].lower_is_better ? Math.min : Math.max);

// A value as people read it: short, and in words where the base keeps its own.
const levelName = (l) => (l.text === "" ? "as it is" : l.number !== null && l.text.length > 7
  ? trim(Number(l.number.toPrecision(4)).toString()) : l.text.length > 15 ? l.text.slice(0, 13) + "…"
    : l.text);

// The levels of an axis as at most 14 bins: themselves, or equal shares of a continuous axis.
const bins = S.axes.map((axis) => {
  const n = axis.levels.length;
  const each = axis.levels.map((_, i) => i);
  // Where one has no number (a text, or what the base keeps), all stand by their place.
  const numeric = axis.levels.every((l) => l.number !== null);
  const number = (i) => (numeric ? axis.levels[i].number : null);
  if (n <= 14) return { of: each, names: axis.levels.map(levelName), at: each.map((i) =>
    number(i) ?? i), count: n };
  const k = 10, of = each.map((i) => Math.min(k - 1, Math.floor((i * k) / n)));
  const names = [], at = [];
  for (let b = 0; b < k; b++) {
    const inside = each.filter((i) => of[i] === b), lo = inside[0], hi = inside[inside.length - 1];
    names.push(trim(Number(number(lo) ?? lo).toPrecision(3)) + "–"
      + trim(Number(number(hi) ?? hi).toPrecision(3)));
    at.push(((number(lo) ?? lo) + (number(hi) ?? hi)) / 2);
  }
  return { of, names, at, count: k };
});
const bin = (p, a) => bins[a].of[p.levels[a]];
const fits = (p, but) => view.fixed.every((f, a) => f < 0 || but.includes(a) || bin(p, a) === f);

// Mean and mean interval over points: several points in one place are averaged. A place with a point
// that has no such figure has none.
function average(points, m) {
  if (!points.length) return null;
  if (points.some((p) => value(p, m) === null)) return [null, null, null];
  const sum = [0, 1, 2].map((k) => points.reduce((t, p) => t + p.figures[m][k], 0));
  return sum.map((t) => t / points.length);
}

// Quoted for a shell where that is needed; what the base keeps is not set.
const commandOf = (p) => S.base_command + S.axes.map((a, i) => {
  const text = a.levels[p.levels[i]].text, set = `${a.path}=${text}`;
  if (text === "") return "";
  return " \\\n  --set " + (/^[\w.%:/=,+-]+$/.test(set) ? set : `'${set.replaceAll("'", "'\\''")}'`);
}).join("");

// ---- sections ----

function heatSection() {
  const names = S.axes.map(axisName), n = S.axes.length;
  const pick = (key) => (i) => {
    const other = key === "x" ? "y" : "x";
    if (view[other] === i && n > 1) view[other] = view[key];
    view[key] = i;
    view.cell = [0, 0];
    redraw();
  };
  const others = S.axes.map((a, i) => i).filter((i) => i !== view.x && i !== view.y);
  const fix = (a) => picker(S.axes[a].label, ["all, averaged", ...bins[a].names],
    view.fixed[a] + 1, (k) => { view.fixed[a] = k - 1; redraw(); });
  return h("section", null, h("h2", null, "Map of two settings"),
    h("div", { class: "tools" },
      picker("figure", S.metrics.map((m) => m.label), view.metric, (m) => {
        view.metric = m;
        redraw();
      }), picker("across", names, view.x, pick("x")), picker("up", names, view.y, pick("y")),
      others.map(fix)),
    h("p", { class: "note" }, "Darker is worse. ✓ marks cells that lose nothing. ",
      "Arrow keys move, Enter picks the best point of a cell."),
    heatMap(), h("div", { class: "readout", id: "cell", "aria-live": "polite" }));
}

// Cividis, from good to bad: even to the colour-blind, and in grey.
const RAMP = [[255, 234, 140], [214, 192, 100], [165, 156, 116], [124, 123, 120], [87, 92, 109],
  [42, 63, 108], [0, 34, 78]];
function ramp(part) {
  const at = Math.min(Math.max(part, 0), 1) * (RAMP.length - 1), i = Math.min(Math.floor(at), 5);
  const mix = RAMP[i].map((c, k) => Math.round(c + (RAMP[i + 1][k] - c) * (at - i)));
  return { paint: `rgb(${mix})`, ink: part > 0.42 ? "#fff" : "#111" };
}

const cellPoints = (cx, cy) => POINTS.filter((p) => bin(p, view.x) === cx
  && (S.axes.length < 2 || bin(p, view.y) === cy) && fits(p, [view.x, view.y]));

function heatMap() {
  const nx = bins[view.x].count, ny = S.axes.length > 1 ? bins[view.y].count : 1, m = view.metric;
  const w = width(main), l = w < 640 ? 60 : 110, cw = (w - l - 8) / nx, ch = Math.min(44, cw);
  const svg = chart(w, ny * ch + 46, `${metricName(m)} by ${S.axes[view.x].label} and `
    + S.axes[view.y].label);
  svg.setAttribute("tabindex", 0);
  svg.setAttribute("role", "group");
  const grid = [];
  for (let y = 0; y < ny; y++) for (let x = 0; x < nx; x++) {
    const points = cellPoints(x, y);
    if (points.length) grid.push({ x, y, points, mean: average(points, m)[0] });
  }
  const all = grid.map((c) => c.mean).filter((v) => v !== null), low = Math.min(...all), high = Math.max(...all);
  const part = (v) => {
    if (v === null) return 1;
    const p = high > low ? (v - low) / (high - low) : 0;
    return Math.sqrt(S.metrics[m].lower_is_better ? p : 1 - p);
  };
  const top = (y) => (ny - 1 - y) * ch;
  for (const c of grid) {
    const { paint, ink } = ramp(part(c.mean)), text = show(c.mean, m);
    svg.append(s("rect", { x: l + c.x * cw + 1, y: top(c.y) + 1, width: cw - 2, height: ch - 2,
      fill: paint }, title(cellText(c))));
    const free = S.metrics[m].key.includes("lost") && c.mean === 0 ? "✓ 0" : text;
    if (cw > 7 * free.length + 4) svg.append(s("text", { x: l + (c.x + 0.5) * cw, y: top(c.y)
      + ch / 2 + 4, "text-anchor": "middle", style: `fill:${ink}` }, free));
  }
  const every = Math.ceil(60 / cw);
  bins[view.x].names.forEach((name, i) => i % every || svg.append(s("text", { class: "dim",
    x: l + (i + 0.5) * cw, y: ny * ch + 16, "text-anchor": "middle" }, name)));
  if (S.axes.length > 1) bins[view.y].names.forEach((name, i) => svg.append(s("text", {
    class: "dim", x: l - 6, y: top(i) + ch / 2 + 4, "text-anchor": "end" }, name)));
  svg.append(s("text", { x: l + (w - l) / 2, y: ny * ch + 36, "text-anchor": "middle" },
    axisName(S.axes[view.x]) + " →"));
  if (S.axes.length > 1) svg.append(s("text", { x: 0, y: ny * ch + 36 },
    "↑ " + axisName(S.axes[view.y])));
  const mark = s("rect", { class: "chosen", width: cw - 2, height: ch - 2 });
  svg.append(mark);
  const go = (x, y) => {
    view.cell = [Math.min(Math.max(x, 0), nx - 1), Math.min(Math.max(y, 0), ny - 1)];
    mark.setAttribute("x", l + view.cell[0] * cw + 1);
    mark.setAttribute("y", top(view.cell[1]) + 1);
    const box = document.getElementById("cell");
    const c = grid.find((g) => g.x === view.cell[0] && g.y === view.cell[1]);
    if (box) box.replaceChildren(c ? cellText(c) : "no point was run here");
  };
  svg.addEventListener("click", (e) => {
    const box = svg.getBoundingClientRect(), k = w / box.width;
    go(Math.floor(((e.clientX - box.left) * k - l) / cw),
      ny - 1 - Math.floor(((e.clientY - box.top) * k) / ch));
    pickBest();
  });
  svg.addEventListener("keydown", (e) => {
    const [x, y] = view.cell;
    const does = { ArrowRight: [x + 1, y], ArrowLeft: [x - 1, y], ArrowUp: [x, y + 1],
      ArrowDown: [x, y - 1] }[e.key];
    if (e.key === "Enter") pickBest();
    if (!does) return;
    e.preventDefault();
    go(...does);
  });
  svg.id = "heat";
  queueMicrotask(() => go(...view.cell));
  return svg;
}
function pickBest() {
  const m = view.metric, points = cellPoints(...view.cell).filter((p) => value(p, m) !== null);
  if (!points.length) return;
  const target = best(m)(...points.map((p) => value(p, m)));
  choose(points.find((p) => value(p, m) === target).i);
}
function cellText(c) {
  const [mean, low, high] = average(c.points, view.metric), m = view.metric;
  const places = [`${S.axes[view.x].label} ${bins[view.x].names[c.x]}`];
  if (S.axes.length > 1) places.push(`${S.axes[view.y].label} ${bins[view.y].names[c.y]}`);
  const many = c.points.length > 1 ? `, average of ${c.points.length} points` : "";
  return `${places.join(", ")}: ${metricName(m)} ${show(mean, m)} `
    + `(${range([low, high], (v) => show(v, m))})${many}`;
}

// ---- curves ----

function curvesSection() {
  if (S.axes[view.x].levels.length < 2) return null;
  return h("section", null, h("h2", null, `${metricName(view.metric)} against `
    + S.axes[view.x].label), h("p", { class: "note" }, "With 95 % intervals of the mean",
    S.axes.length > 1 ? "; one line for each value of " + axisName(S.axes[view.y]) : "", "."),
  ...curves());
}

function marker(kind, x, y, paint, size = 4.5) {
  const d = { circle: `M${x - size},${y} a${size},${size} 0 1,0 ${2 * size},0 a${size},${size} `
    + `0 1,0 ${-2 * size},0`, square: `M${x - size},${y - size} h${2 * size} v${2 * size} `
    + `h${-2 * size} z`, up: `M${x - size},${y + size} h${2 * size} l${-size},${-2 * size} z`,
  down: `M${x - size},${y - size} h${2 * size} l${-size},${2 * size} z`,
  diamond: `M${x},${y - size - 1} l${size + 1},${size + 1} l${-size - 1},${size + 1} `
    + `l${-size - 1},${-size - 1} z`,
  cross: `M${x - size},${y - size} l${2 * size},${2 * size} m0,${-2 * size} `
    + `l${-2 * size},${2 * size}` }[kind];
  return s("path", { d, fill: kind === "cross" ? "none" : paint, stroke: paint });
}

function curves() {
  const m = view.metric, bx = bins[view.x], several = S.axes.length > 1 && view.x !== view.y;
  const rows = several ? bins[view.y].count : 1;
  const picked = [...new Set([...Array(Math.min(rows, SERIES.length)).keys()].map((i) =>
    Math.round((i * (rows - 1)) / Math.max(1, Math.min(rows, SERIES.length) - 1))))];
  const lines = picked.map((y) => ({ name: several ? bins[view.y].names[y] : "",
    dots: bx.at.map((x, i) => ({ x, joins: Number.isFinite(parseFloat(bx.names[i])), f: average(cellPoints(i, y), m) })).filter((d) => d.f && d.f[0] !== null) }));
  const dots = lines.flatMap((l) => l.dots);
  const w = Math.min(width(main), 900), height = 320;
  const box = { l: 62, r: w - 16, t: 26, b: height - 42 };
  const top = Math.max(...dots.map((d) => d.f[2]), 1e-9);
  const low = Math.min(0, ...dots.map((d) => d.f[1]));
  const xs = [Math.min(...bx.at), Math.max(...bx.at)];
  const x = linear(...xs, box.l + 14, box.r - 14), y = linear(low, top * 1.05, box.b, box.t);
  const svg = chart(w, height, `${metricName(m)} against ${S.axes[view.x].label}`);
  const numbers = S.axes[view.x].levels.every((l) => l.number !== null);
  axes(svg, box, { at: x, ticks: numbers ? ticks(...xs, w < 640 ? 5 : 10) : bx.at,
    ...(numbers ? {} : { text: (i) => bx.names[i] }), label: axisName(S.axes[view.x]) },
  { at: y, ticks: ticks(low, top, 6), unit: unit(m), label: metricName(m) });
  lines.forEach((line, i) => {
    const [paint, dash, shape] = SERIES[i];
    // Numbers are joined by a line; a category stands alone, with its interval.
    const runs = [];
    line.dots.forEach((d, k) => {
      if (k && d.joins && line.dots[k - 1].joins) runs[runs.length - 1].push(d);
      else runs.push([d]);
    });
    const point = (f) => (d) => `${x(d.x)},${y(d.f[f])}`;
    for (const run of runs) {
      const band = [...run.map(point(2)), ...run.map(point(1)).reverse()].join(" ");
      svg.append(run.length > 1 ? s("polygon", { points: band, fill: paint, opacity: 0.15 })
        : s("polyline", { points: band, stroke: paint, opacity: 0.5 }),
      s("polyline", { points: run.map(point(0)).join(" "), fill: "none", stroke: paint,
        "stroke-width": 2, "stroke-dasharray": dash }));
    }
    for (const d of line.dots) {
      const tip = `${line.name} at ${trim(String(d.x))}: ${show(d.f[0], m)}`;
      const dot = marker(shape, x(d.x), y(d.f[0]), paint);
      dot.append(title(tip));
      svg.append(dot);
    }
  });
  const key = several ? legend(lines.map((line, i) => [(art) => {
    art.append(s("line", { x1: 0, x2: 22, y1: 6, y2: 6, stroke: SERIES[i][0], "stroke-width": 2,
      "stroke-dasharray": SERIES[i][1] }), marker(SERIES[i][2], 11, 6, SERIES[i][0], 4));
  }, `${S.axes[view.y].label} ${line.name}`])) : null;
  return [svg, key].filter(Boolean);
}

// ---- Pareto ----

function paretoSection() {
  if (S.metrics.length < 2) return null;
  const names = S.metrics.map((m) => m.label);
  const pick = (key) => (i) => { view[key] = i; redraw(); };
  const front = `${FRONT.size > 1 ? `Diamonds (${FRONT.size}): points` : "Diamond: the point"} that no other `
    + `point beats in all of ${S.pareto_by.map(metricName).join(", ")}. Dots: all others.`;
  return h("section", null,
    h("h2", null, FRONT.size ? "What no other point beats" : "All points in two figures"),
    h("div", { class: "tools" }, picker("across", names, view.px, pick("px")),
      picker("up", names, view.py, pick("py"))),
    h("p", { class: "note" }, FRONT.size ? front : S.no_front, " Click one to see its settings."),
    scatter());
}

function scatter() {
  const w = Math.min(width(main), 900), height = 340, mx = view.px, my = view.py;
  const drawn = POINTS.filter((p) => value(p, mx) !== null && value(p, my) !== null);
  const span = (m) => {
    const all = drawn.map((p) => value(p, m));
    const lo = all.reduce((a, b) => Math.min(a, b), Infinity);
    const hi = all.reduce((a, b) => Math.max(a, b), -Infinity);
    if (lo > hi) return [0, 1];
    // Figures that hardly differ stand beside each other, and not at the ends of the scale.
    const size = Math.max(hi - lo, 0.03 * Math.max(Math.abs(lo), Math.abs(hi))) || 1;
    const middle = (lo + hi) / 2;
    return [middle - 0.55 * size, middle + 0.55 * size];
  };
  // No share is more than all, and nothing counted less than none.
  const at = (m, n) => ticks(...span(m), n).filter((v) => v >= 0 && (unit(m) !== "share" || v <= 1));
  const up = { ticks: at(my, 6), unit: unit(my), label: metricName(my) };
  const box = { l: beside(up), r: w - 16, t: 26, b: height - 42 };
  const x = linear(...span(mx), box.l, box.r), y = linear(...span(my), box.b, box.t);
  const svg = chart(w, height, `${metricName(my)} against ${metricName(mx)}, all points`);
  axes(svg, box, { at: x, ticks: at(mx, w < 640 ? 4 : 8), unit: unit(mx), label: metricName(mx) },
    { at: y, ...up });
  // Points that fall on one pixel are drawn once.
  const seen = new Set();
  const dots = s("g");
  for (const p of drawn) {
    const cx = x(value(p, mx)), cy = y(value(p, my));
    const key = Math.round(cx / 2) + "," + Math.round(cy / 2);
    if (FRONT.has(p.i) || seen.has(key)) continue;
    seen.add(key);
    dots.append(s("circle", { cx, cy, r: 3, fill: "var(--idle)", opacity: 0.8 }));
  }
  svg.append(dots);
  const front = drawn.filter((p) => FRONT.has(p.i)).sort((a, b) => value(a, mx) - value(b, mx));
  for (const p of front) {
    const dot = marker("diamond", x(value(p, mx)), y(value(p, my)), "var(--bad)", 5);
    dot.append(title(pointText(p)));
    svg.append(dot);
  }
  const mine = POINTS[view.chosen];
  if (drawn.includes(mine)) svg.append(s("circle", { class: "chosen", r: 9, cx: x(value(mine, mx)),
    cy: y(value(mine, my)) }));
  svg.addEventListener("click", (e) => {
    const b = svg.getBoundingClientRect(), k = w / b.width;
    const px = (e.clientX - b.left) * k, py = (e.clientY - b.top) * k;
    const far = (p) => Math.hypot(x(value(p, mx)) - px, y(value(p, my)) - py)
      - (FRONT.has(p.i) ? 4 : 0);
    const near = drawn.reduce((a, b2) => (a && far(a) <= far(b2) ? a : b2), null);
    if (near && far(near) < 24) choose(near.i);
  });
  return svg;
}
const pointText = (p) => S.axes.map((a, i) => `${a.label} ${levelName(a.levels[p.levels[i]])}`).join(", ")
  + ": " + S.metrics.map((m, i) => `${m.label} ${show(value(p, i), i)}`).join(", ");

// ---- sensitivity ----

// Bars, the strongest setting first, and the same as a table.
function sensitivitySection() {
  const found = S.sensitivity;
  if (!found) return null;
  const text = (v) => figure(found.unit === "share" ? Math.max(0, v) : v, found.unit);
  const both = (f) => text(f.mean) + (f.low === f.high ? "" : ` (${range([f.low, f.high], text)})`);
  const rows = found.rows.map((r) => [axisName(S.axes[r.axis]), ...r.figures.map(both)]);
  return h("section", { id: "sensitivity" }, h("h2", null, "What decides the losses"),
    h("p", { class: "note" }, found.note), h("div", { class: "pair" },
      h("div", null, sensitivityBars(found, text), found.columns.length < 2 ? null
        : legend(found.columns.slice(0, 2).map((c, k) => [(svg) => svg.append(bar(k, 0, 1, 22, 10)), c]))),
      table("", ["setting", ...found.columns.map((c) => "#" + c)], rows)));
}
const bar = (k, x, y, width, height) => s("rect", { x, y, width, height, stroke: "var(--v0)",
  fill: k ? "var(--track)" : "var(--v0)" });

function sensitivityBars(found, text) {
  const kinds = Math.min(2, found.columns.length), row = 14 + 16 * kinds;
  const w = Math.min(width(main), 560), l = Math.min(150, w * 0.35), r = w - 70;
  const most = Math.max(1e-9, ...found.rows.flatMap((x) => x.figures.slice(0, kinds).map((f) => f.high)));
  const x = (v) => l + (Math.max(0, v) / most) * (r - l);
  const svg = chart(w, found.rows.length * row + 4, "what decides the losses: " + found.rows.map((x) =>
    `${S.axes[x.axis].label} ${text(x.figures[0].mean)}`).join(", "));
  found.rows.forEach((one, i) => {
    const name = S.axes[one.axis].label, room = Math.floor(l / 7), top = i * row + 6;
    svg.append(s("text", { x: l - 8, y: top + 8 * kinds + 3, "text-anchor": "end" },
      name.length > room ? name.slice(0, room - 1) + "…" : name, title(name)));
    one.figures.slice(0, kinds).forEach((f, k) => {
      const y = top + 16 * k, middle = y + 6;
      const art = bar(k, l, y, Math.max(0.5, x(f.mean) - l), 12);
      art.append(title(`${name}, ${found.columns[k]}: ${text(f.mean)}`));
      svg.append(art);
      if (f.high > f.low) svg.append(s("path", { d: `M${x(f.low)},${middle} H${x(f.high)} `
        + `M${x(f.low)},${middle - 3} v6 M${x(f.high)},${middle - 3} v6`, stroke: "var(--text)",
      "stroke-width": 1.5, fill: "none" }));
      svg.append(s("text", { class: "dim", x: x(f.high) + 6, y: y + 10 }, text(f.mean)));
    });
  });
  return svg;
}

// ---- main effects ----

function effectsSection() {
  const list = S.effects.filter((e) => e.metric === view.metric)
    .sort((a, b) => b.share - a.share);
  if (!list.length) return null;
  const level = (e, k) => ({ mean: e.levels[k].mean, low: e.levels[k].low, high: e.levels[k].high });
  const all = list.flatMap((e) => e.levels.flatMap((l) => [l.low, l.high]));
  const lo = Math.min(0, ...all), hi = Math.max(...all, 1e-9);
  const small = (e) => {
    const w = 250, height = 150, box = { l: 52, r: w - 6, t: 8, b: height - 24 };
    const axis = S.axes[e.axis], n = e.levels.length;
    const x = linear(0, Math.max(1, n - 1), box.l + 12, box.r - 12);
    const y = linear(lo, hi * 1.05, box.b, box.t);
    const svg = chart(w, height, `mean ${metricName(view.metric)} by ${axis.label}`);
    const every = Math.ceil(n / 5);
    axes(svg, box, { at: x, ticks: [...Array(n).keys()].filter((i) => i % every === 0),
      text: (i) => levelName(axis.levels[i]) }, { at: y, ticks: ticks(lo, hi, 4),
      unit: unit(view.metric) });
    const line = [];
    for (let k = 0; k < n; k++) {
      const f = level(e, k);
      line.push(`${x(k)},${y(f.mean)}`);
      svg.append(s("line", { x1: x(k), x2: x(k), y1: y(f.low), y2: y(f.high),
        stroke: "var(--v0)" }), marker("circle", x(k), y(f.mean), "var(--v0)", 3.5));
    }
    svg.append(s("polyline", { points: line.join(" "), fill: "none", stroke: "var(--v0)" }));
    return h("div", null, h("h3", null, axisName(axis)),
      h("p", { class: "note" }, `alone explains ${percent(e.share)} of the differences`), svg);
  };
  return h("section", null, h("h2", null, `Which setting moves ${metricName(view.metric)}`),
    h("p", { class: "note" }, "Mean over all points with each value, all else averaged; ",
      "the strongest first; one scale."), h("div", { class: "effects" }, list.map(small)));
}
