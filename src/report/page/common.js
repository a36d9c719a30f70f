"use strict";
// What every page uses: elements, numbers, scales, charts. No network, no storage; only a
// replay moves by itself.

const errors = [];
addEventListener("error", (e) => {
  errors.push(String(e.message));
  document.documentElement.dataset.errors = errors.join(" | ");
});

const DATA = JSON.parse(document.getElementById("data").textContent);
const main = document.getElementById("page");
const SVG = "http://www.w3.org/2000/svg";

function fill(node, attrs, kids) {
  for (const [key, value] of Object.entries(attrs || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (key.startsWith("on")) node.addEventListener(key.slice(2), value);
    else node.setAttribute(key, value === true ? "" : value);
  }
  node.append(...kids.flat(3).filter((k) => k !== null && k !== undefined && k !== ""));
  return node;
}
const h = (tag, attrs, ...kids) => fill(document.createElement(tag), attrs, kids);
const s = (tag, attrs, ...kids) => fill(document.createElementNS(SVG, tag), attrs, kids);
const title = (text) => s("title", null, text);

// Numbers as the text answer writes them.
const group = (n) => String(n).replace(/\B(?=(\d{3})+$)/g, ",");
const trim = (t) => (t.includes(".") ? t.replace(/\.?0+$/, "") : t);
function count(n) {
  const a = Math.abs(n);
  if (a < 5e-7) return "0";
  if (a < 0.01) return "<0.01";
  if (a < 0.995) return trim(n.toFixed(2));
  if (a < 99.95) return trim(n.toFixed(1));
  return group(Math.round(n));
}
function sec(t) {
  const a = Math.abs(t);
  return (a < 0.995 ? trim(t.toFixed(2)) : a < 99.95 ? trim(t.toFixed(1)) : t.toFixed(0)) + " s";
}
const instant = (t) => (t < 0 ? "−" : "") + Math.abs(t).toFixed(2) + " s";
function percent(p) {
  const n = p * 100;
  if (n <= 0) return "0 %";
  if (n >= 100) return "100 %";
  if (n < 0.1) return "<0.1 %";
  if (n > 99.9) return ">99.9 %";
  return (n < 10 || n > 99 ? trim(n.toFixed(1)) : n.toFixed(0)) + " %";
}
function range(r, f = count) {
  const [low, high] = [f(r[0]), f(r[1])];
  return low === high ? low : low.replace(/ s$/, "") + " – " + high;
}
// A figure that is missing (a rollout that never completes has no duration) comes as null.
function figure(value, unit) {
  if (value === null) return unit === "s" ? "no end" : "–";
  if (unit === "share") return percent(value);
  return unit === "s" ? sec(value) : count(value);
}

// Round values between low and high, about n of them.
function ticks(low, high, n) {
  const raw = (high - low || 1) / Math.max(1, n);
  const power = 10 ** Math.floor(Math.log10(raw));
  const step = [1, 2, 5, 10].map((k) => k * power).find((k) => k >= raw * 0.999);
  const out = [];
  for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-6; i++) {
    out.push(Number((i * step).toPrecision(12)));
  }
  return out;
}
const linear = (d0, d1, r0, r1) => (v) => r0 + ((v - d0) / (d1 - d0 || 1)) * (r1 - r0);

function chart(width, height, label) {
  return s("svg", { width, height, viewBox: `0 0 ${width} ${height}`, role: "img",
    "aria-label": label });
}

// A mark of an axis is a number, however small.
const tick = (v) => (v !== 0 && Math.abs(v) < 0.01 ? String(Number(v.toPrecision(2))) : count(v));

// The marks' texts. Where two read the same, all take as many digits as tell them apart.
function marks({ ticks: at, text, unit }) {
  const all = at.map(text || (unit === undefined ? tick : (v) => figure(v, unit)));
  if (text || new Set(all).size === all.length) return all;
  const by = unit === "share" ? 100 : 1, step = (at[1] - at[0]) * by;
  const digits = Math.max(0, Math.ceil(-Math.log10(step) - 1e-9));
  return at.map((v) => (v * by).toFixed(digits) + ({ s: " s", share: " %" }[unit] || ""));
}

// The room that marks need left of an axis.
const beside = (axis) => Math.max(62, 14 + 7 * Math.max(0, ...marks(axis).map((t) => t.length)));

// Axes of a plot: box = {l, r, t, b} in pixels; x and y are {at, ticks, label} and perhaps text (of a mark)
// or unit (of a figure).
function axes(svg, box, x, y) {
  const [across, up] = [marks({ text: x.unit === undefined ? (n) => trim(String(n)) : null, ...x }), marks(y)];
  y.ticks.forEach((v, i) => {
    const at = y.at(v);
    svg.append(s("line", { class: "grid", x1: box.l, x2: box.r, y1: at, y2: at }));
    svg.append(s("text", { class: "dim", x: box.l - 6, y: at + 4, "text-anchor": "end" }, up[i]));
  });
  x.ticks.forEach((v, i) => {
    svg.append(s("text", { class: "dim", x: x.at(v), y: box.b + 16, "text-anchor": "middle" }, across[i]));
    svg.append(s("line", { class: "axis", x1: x.at(v), x2: x.at(v), y1: box.b, y2: box.b + 4 }));
  });
  svg.append(s("line", { class: "axis", x1: box.l, x2: box.r, y1: box.b, y2: box.b }));
  if (x.label) svg.append(s("text", { x: (box.l + box.r) / 2, y: box.b + 33,
    "text-anchor": "middle" }, x.label));
  if (y.label) svg.append(s("text", { x: 2, y: box.t - 8 }, y.label));
}

// Patterns, so that no meaning hangs on colour alone.
let serial = 0;
function hatch(svg, colour, kind) {
  const id = "p" + ++serial;
  const lines = {
    slash: "M-1,1 l2,-2 M0,6 l6,-6 M5,7 l2,-2", back: "M-1,5 l2,2 M0,0 l6,6 M5,-1 l2,2",
    cross: "M0,0 l6,6 M6,0 l-6,6", dots: "M2,2 h1.6 v1.6 h-1.6 z", bars: "M3,0 v6",
  };
  const art = s("path", { d: lines[kind], stroke: colour, "stroke-width": 1.4,
    fill: kind === "dots" ? colour : "none" });
  svg.append(s("defs", null,
    s("pattern", { id, width: 6, height: 6, patternUnits: "userSpaceOnUse" }, art)));
  return `url(#${id})`;
}

function legend(items) {
  return h("ul", { class: "legend" }, items.map(([draw, text]) => {
    const svg = s("svg", { viewBox: "0 0 22 12", "aria-hidden": "true" });
    draw(svg);
    return h("li", null, svg, text);
  }));
}
const tile = (name, value, note, tone) =>
  h("div", { class: "tile" }, h("span", null, name), h("b", { class: tone || "" }, value),
    h("span", null, note));

function header(kind, name, verdict, lossy) {
  document.title = name + " · rollsim";
  return h("header", null, h("p", { class: "kind" }, "rollsim · " + kind), h("h1", null, name),
    h("p", { class: "verdict" + (typeof lossy === "string" ? lossy : lossy ? " lossy" : "") }, verdict));
}
const footer = (text) => h("footer", null, text);

function table(caption, heads, rows, attrs) {
  const number = (i) => (heads[i].startsWith("#") ? "n" : null);
  const name = (i) => heads[i].replace(/^#/, "");
  const cell = (c, i) => h("td", { class: number(i), "data-h": name(i) || null }, c);
  return h("div", { class: "scroll" }, h("table", attrs,
    caption ? h("caption", null, caption) : null,
    h("thead", null, h("tr", null,
      heads.map((_, i) => (name(i) ? h("th", { scope: "col", class: number(i) }, name(i)) : h("td"))))),
    h("tbody", null, rows.map((r) => h("tr", null, r.map(cell))))));
}

function settingsTable(list) {
  const groups = [...new Set(list.map((x) => x.group))];
  return h("div", { class: "pair" }, groups.map((g) => h("div", null, h("h3", null, g),
    table("", ["", ""], list.filter((x) => x.group === g).map((x) => [path(x.key), x.value]),
      { class: "bare" }))));
}

function picker(label, options, chosen, onpick) {
  const select = h("select", { onchange: (e) => onpick(Number(e.target.value)) },
    options.map((o, i) => h("option", { value: i, selected: i === chosen }, o)));
  return h("label", null, label, select);
}

// A command to copy. The clipboard may be closed to a file: then the text is selected instead.
function command(text) {
  const code = h("pre", null, text);
  const select = () => getSelection().selectAllChildren(code);
  const done = () => { button.textContent = "copied"; };
  const button = h("button", { class: "screen", onclick: () => {
    select();
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(done, () => {});
  } }, "copy");
  return h("div", null, code, button);
}

// The room for a chart inside a node, without its padding; on paper, that of a sheet.
let printing = false;
function width(node) {
  if (printing) return 700;
  const style = getComputedStyle(node);
  const room = node.clientWidth - parseFloat(style.paddingLeft) - parseFloat(style.paddingRight);
  return Math.max(280, Math.floor(room) || 800);
}
// A dotted path that may break after its dots.
const breakable = (text) => text.split(/(?<=[./=,])/).flatMap((t) => [t, h("wbr")]);
const path = (text) => h("code", null, breakable(text));
function onresize(redraw) {
  let last = innerWidth;
  addEventListener("resize", () => { if (innerWidth !== last) { last = innerWidth; redraw(); } });
  addEventListener("beforeprint", () => { printing = true; redraw(true); });
  addEventListener("afterprint", () => { printing = false; redraw(true); });
}

// The page checks itself when opened with #selftest: each check is a named function that throws.
function selftest(checks) {
  if (location.hash !== "#selftest") return;
  const results = checks.map(([name, run]) => {
    try { run(); return [name, "ok"]; } catch (e) { return [name, String(e)]; }
  });
  const failed = results.filter((r) => r[1] !== "ok");
  const state = failed.length || errors.length ? "failed" : "passed";
  main.append(h("pre", { id: "selftest", "data-state": state, "data-checks": results.length },
    JSON.stringify({ results, errors }, null, 1)));
}
function expect(what, holds) { if (!holds) throw new Error(what); }
