// The page of a frontier: where losses begin, in two settings.

const name = (a) => a.label + (a.unit ? ` (${a.unit})` : "");

function map() {
  const w = Math.min(width(main), 900), height = w < 640 ? 360 : 460;
  const box = { l: 62, r: w - 16, t: 28, b: height - 44 };
  const ys = DATA.samples.map((p) => p.y).concat(DATA.boundary.flatMap((p) => p.y || []));
  const xs = DATA.samples.map((p) => p.x).concat(DATA.boundary.map((p) => p.x));
  const span = (list) => {
    const lo = Math.min(...list), hi = Math.max(...list), room = (hi - lo || 1) * 0.05;
    return [lo - room, hi + room];
  };
  const x = linear(...span(xs), box.l, box.r), y = linear(...span(ys), box.b, box.t);
  const svg = chart(w, height, "which combinations keep the promise");
  const known = DATA.boundary.filter((p) => p.y);
  const line = known.map((p) => `${x(p.x)},${y((p.y[0] + p.y[1]) / 2)}`);
  if (known.length > 1) {
    const edge = DATA.safe_above ? box.t : box.b, other = DATA.safe_above ? box.b : box.t;
    const ends = (at) => `${x(known[known.length - 1].x)},${at} ${x(known[0].x)},${at}`;
    svg.append(s("polygon", { points: line.join(" ") + " " + ends(edge), fill: "var(--v1)",
      opacity: 0.22 }), s("polygon", { points: line.join(" ") + " " + ends(other),
      fill: hatch(svg, "var(--bad)", "slash"), opacity: 0.45 }));
  }
  axes(svg, box, { at: x, ticks: ticks(...span(xs), w < 640 ? 5 : 10).filter((v) => x(v) >= box.l),
    label: name(DATA.x) }, { at: y, ticks: ticks(...span(ys), 7), label: name(DATA.y) });
  for (const p of DATA.samples) {
    const at = [x(p.x), y(p.y)], text = `${trim(String(p.x))}, ${trim(String(p.y))}: `
      + (p.kept ? "kept" : "broken") + `, ${count(p.lost)} lost`;
    svg.append(p.kept ? s("circle", { cx: at[0], cy: at[1], r: 4, fill: "var(--v1)" }, title(text))
      : s("path", { d: `M${at[0] - 4},${at[1] - 4} l8,8 m0,-8 l-8,8`, stroke: "var(--bad)",
        "stroke-width": 2 }, title(text)));
  }
  svg.append(s("polyline", { points: line.join(" "), fill: "none", stroke: "var(--text)",
    "stroke-width": 2 }));
  for (const p of known) svg.append(s("line", { x1: x(p.x), x2: x(p.x), y1: y(p.y[0]),
    y2: y(p.y[1]), stroke: "var(--text)", "stroke-width": 5 }, title(`${p.x}: between `
      + p.y.join(" and "))));
  return svg;
}

function redraw() {
  const rows = DATA.boundary.map((p) => [trim(String(p.x)), p.y ? range(p.y, (v) =>
    trim(v.toPrecision(4))) : "none"]);
  const key = legend([
    [(a) => a.append(s("circle", { cx: 11, cy: 6, r: 4, fill: "var(--v1)" })), "promise kept"],
    [(a) => a.append(s("path", { d: "M7,2 l8,8 m0,-8 l-8,8", stroke: "var(--bad)",
      "stroke-width": 2 })), "promise broken"],
    [(a) => a.append(s("line", { x1: 0, x2: 22, y1: 6, y2: 6, stroke: "var(--text)",
      "stroke-width": 2 })), "the boundary; thick: where it may lie"]]);
  main.replaceChildren(header("frontier", DATA.name, DATA.verdict,
    DATA.boundary.every((b) => b.y === null)), key, map(),
    h("h2", null, "The boundary"),
    table("", [`#${name(DATA.x)}`, `#${name(DATA.y)}`], rows, { class: "narrow" }),
    h("h2", null, "Run a point"), command(`${DATA.base_command} --set ${DATA.x.path}=… `
      + `--set ${DATA.y.path}=…`), footer(DATA.signature));
}
redraw();
onresize(redraw);
selftest([
  ["every sample is drawn", () => expect("marks", document.querySelectorAll("svg circle, svg path")
    .length >= DATA.samples.length)],
  ["every boundary point has a row", () => expect("rows",
    document.querySelectorAll("tbody tr").length === DATA.boundary.length)],
]);
