// The page that compares predictions with measured rollouts.

const look = { failed: false };
const cases = () => DATA.cases.filter((c) => !look.failed || !c.passed);

// Measured runs as dots over the predicted ranges, one row a case, on a square-root scale.
function strips(key, label, unit) {
  const list = cases(), w = width(main), narrow = w < 640, l = narrow ? 110 : 250, row = 22;
  const most = Math.max(1e-9, ...DATA.cases.flatMap((c) => [c[key].predicted.range[1],
    ...c[key].measured]));
  const root = linear(0, Math.sqrt(most), l, w - 14), x = (v) => root(Math.sqrt(Math.max(v, 0)));
  const height = list.length * row + 44;
  const svg = chart(w, height, label + ": measured against predicted, by case");
  const marks = [0, 0.01, 0.05, 0.15, 0.35, 0.65, 1].map((k) => Number((k * most).toPrecision(1)))
    .filter((v, i, all) => v <= most && all.indexOf(v) === i);
  for (const v of marks) svg.append(s("line", { class: "grid", x1: x(v), x2: x(v), y1: 0, y2: list.length * row + 4 }));
  axes(svg, { l, r: w - 14, t: 0, b: list.length * row + 4 }, { at: x, ticks: marks, label,
    unit }, { at: (v) => v, ticks: [] });
  list.forEach((c, i) => {
    const y = i * row + 12, f = c[key], room = narrow ? 14 : 34;
    const text = c.name.length > room ? c.name.slice(0, room - 1) + "…" : c.name;
    const bar = (r, high, opacity) => s("rect", { x: x(r[0]) - 1, y: y - high / 2, height: high,
      width: x(r[1]) - x(r[0]) + 2, fill: "var(--v0)", opacity });
    svg.append(s("text", { x: 0, y: y + 4, class: c.passed ? "" : "bad" },
      (c.passed ? "✓ " : "✗ ") + text, title(c.name + (c.reason ? ": " + c.reason : ""))),
    ...(f.predicted.mean === null ? [s("text", { class: "dim", x: l + 6, y: y + 4 }, "no end")] : [bar(f.predicted.range, 8, 0.3), bar(f.half, 12, 0.5)]));
    for (const v of f.measured) svg.append(s("path", { d: `M${x(v)},${y - 6} l5,6 l-5,6 l-5,-6 z`,
      fill: c.passed ? "var(--text)" : "var(--bad)", stroke: "var(--bg)" },
    title(`${c.name}: measured ${figure(v, unit)}, predicted ${figure(f.predicted.mean, unit)}`)));
  });
  return svg;
}

// The pictures come from the program, as everything in this file.
function pictures() {
  const list = cases().filter((c) => c.picture);
  if (!list.length) return [];
  return [h("h2", null, "Failed requests per second"), h("p", { class: "note" }, "By the second in "
    + "which they were sent. Points: measured rollouts. Area: the predicted mean."),
  h("div", { class: "pair" }, list.map((c) => {
    const box = h("div", { class: "picture" });
    box.innerHTML = c.picture;
    const svg = box.firstElementChild, size = ["width", "height"].map((k) => svg.getAttribute(k));
    if (!svg.hasAttribute("viewBox")) svg.setAttribute("viewBox", "0 0 " + size.join(" "));
    svg.setAttribute("role", "img");
    svg.setAttribute("aria-label", c.name + ": failed requests per second");
    return h("div", null, h("h3", null, (c.passed ? "✓ " : "✗ ") + c.name), box);
  }))];
}

function redraw() {
  const passed = DATA.cases.filter((c) => c.passed).length, n = DATA.cases.length;
  const share = (e) => range([e.low, e.high], percent);
  const list = (f, unit) => f.measured.map((v) => figure(v, unit)).join(", ");
  const rows = cases().map((c) => [c.passed ? "✓" : "✗", c.name, list(c.lost, ""),
    `${count(c.lost.predicted.mean)} (${range(c.lost.predicted.range)})`, list(c.rollout_s, "s"),
    c.rollout_s.predicted.mean === null ? "no end"
      : `${sec(c.rollout_s.predicted.mean)} (${range(c.rollout_s.predicted.range, sec)})`,
    c.kind_measured === c.kind_predicted ? c.kind_measured : `${c.kind_measured}, predicted `
      + c.kind_predicted, percent(c.chance), c.fitted ? "fitted" : "held out", c.reason]);
  const key = legend([
    [(a) => a.append(s("rect", { y: 2, width: 22, height: 8, fill: "var(--v0)", opacity: 0.3 })),
      "95 % of rollouts predicted within"],
    [(a) => a.append(s("rect", { y: 0, width: 22, height: 12, fill: "var(--v0)", opacity: 0.6 })),
      "half of them"],
    [(a) => a.append(s("path", { d: "M11,0 l5,6 l-5,6 l-5,-6 z", fill: "var(--text)" })),
      "a measured rollout"]]);
  main.replaceChildren(header("validation", DATA.name, DATA.verdict, passed < n),
    ...DATA.groups.flatMap((g) => [
      h("h2", null, g.name === "fitted" ? "Cases that the platform card was fitted to"
        : "Cases that no number was fitted to"),
      h("div", { class: "tiles" },
        // Red is for what luck does not explain.
        tile("cases that agree", `${g.passed} of ${g.cases}`, g.by_sort, g.passed === g.cases ? "good"
          : g.passed < g.passed_by_chance.low ? "bad" : ""),
        tile("expected of a perfect model", `${g.passed_by_chance.mean.toFixed(1)} of ${g.cases}`,
          `${g.passed_by_chance.low} to ${g.passed_by_chance.high}, by luck`),
        tile("runs within the 50 % range", percent(g.within_half.mean), share(g.within_half)),
        tile("runs within the 95 % range", percent(g.within_95.mean), share(g.within_95))),
      h("p", { class: "note" }, g.chance)]),
    ...(DATA.not_modelled.length ? [h("h2", null, "Not modelled yet"),
      h("ul", { id: "left-out" }, DATA.not_modelled.map((c) => h("li", null, c)))] : []),
    h("div", { class: "tools" }, h("label", null, h("input", { type: "checkbox", id: "failed",
      checked: look.failed, onchange: (e) => { look.failed = e.target.checked; redraw(); } }),
    "only cases that disagree")), key,
    h("h2", null, "Lost requests"), strips("lost", "lost requests", ""),
    h("h2", null, "Rollout time"), strips("rollout_s", "rollout time", "s"),
    h("h2", null, "Every case"), table("", ["", "case", "lost, measured", "predicted",
      "rollout, measured", "predicted", "main failure", "chance to agree", "card", "why not"], rows, { class: "stack" }),
    ...pictures(), footer(DATA.signature));
}
redraw();
onresize(redraw);
selftest([
  ["every picture is there", () => expect("pictures", document.querySelectorAll(".picture svg").length
    === DATA.cases.filter((c) => c.picture).length)],
  ["every case is in the table", () => expect("rows",
    document.querySelectorAll("tbody tr").length === DATA.cases.length)],
  ["every group has its tiles", () => expect("tiles", document.querySelectorAll(".tiles").length
    === DATA.groups.length)],
  ["the filter leaves the cases that disagree", () => {
    document.getElementById("failed").click();
    expect("left", document.querySelectorAll("tbody tr").length
      === DATA.cases.filter((c) => !c.passed).length);
    document.getElementById("failed").click();
  }],
]);
