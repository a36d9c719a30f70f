// The page of a maintenance: nodes and workloads over time, for each thing that is done.

const ROW = 15, NAMES = 190;

function scale(drawn, w) {
  return linear(drawn.span_s[0], drawn.span_s[1], NAMES, w - 14);
}

// Rows of bars over time; paint(svg, row, y, x) fills one.
function lanes(drawn, rows, label, name, paint) {
  const w = width(main), height = rows.length * ROW + 26, x = scale(drawn, w);
  const svg = chart(w, height, label);
  rows.forEach((row, i) => {
    const y = i * ROW + 2;
    svg.append(s("text", { class: "dim", x: NAMES - 8, y: y + ROW - 4, "text-anchor": "end" },
      shorten(name(row)), title(name(row))));
    paint(svg, row, y, x);
  });
  const bottom = rows.length * ROW + 4;
  svg.append(s("line", { class: "axis", x1: NAMES, x2: w - 14, y1: bottom, y2: bottom }));
  for (const t of ticks(drawn.span_s[0], drawn.span_s[1], w < 640 ? 4 : 9)) {
    svg.append(s("line", { class: "axis", x1: x(t), x2: x(t), y1: bottom, y2: bottom + 4 }),
      s("text", { class: "dim", x: x(t), y: bottom + 17, "text-anchor": "middle" }, sec(t)));
  }
  return svg;
}
const shorten = (text) => (text.length > 26 ? text.slice(0, 12) + "…" + text.slice(-13) : text);

// Stretches of a list of (from, what), up to the end.
const stretches = (list, end) => list.map(([from, what], i) =>
  [from, i + 1 < list.length ? list[i + 1][0] : end, what]).filter(([a, b]) => b > a);

const NODE_FILLS = { ready: () => "var(--track)", cordoned: (svg) => hatch(svg, "var(--v3)", "slash"),
  lost: (svg) => hatch(svg, "var(--bad)", "cross") };

function nodeRow(drawn) {
  const end = drawn.span_s[1], most = Math.max(1, ...drawn.nodes.flatMap((n) => n.pods.map((p) => p[1])));
  return (svg, node, y, x) => {
    for (const [from, to, state] of stretches(node.states, end)) {
      if (state === "absent") continue;
      svg.append(s("rect", { class: "state", x: x(from), y, width: Math.max(1, x(to) - x(from)), height: ROW - 3,
        fill: NODE_FILLS[state](svg) }, title(`${node.name}: ${state} from ${sec(from)} to ${sec(to)}`)));
    }
    for (const [from, to, pods] of stretches(node.pods, end)) {
      if (!pods) continue;
      const tall = Math.max(2, (pods / most) * (ROW - 5));
      svg.append(s("rect", { x: x(from), y: y + ROW - 3 - tall, width: Math.max(1, x(to) - x(from)), height: tall,
        fill: "var(--v0)", opacity: 0.75 }, title(`${node.name}: ${pods} pods from ${sec(from)} to ${sec(to)}`)));
    }
  };
}

function workloadRow(drawn) {
  const end = drawn.span_s[1];
  return (svg, w, y, x) => {
    const steps = w.serving.length ? w.serving : [[drawn.span_s[0], 0]];
    for (const [from, to, pods] of stretches(steps, end)) {
      const share = w.wanted > 0 ? Math.min(1, pods / w.wanted) : 1;
      const tall = Math.max(2, share * (ROW - 3));
      const text = `${w.name}: ${pods} of ${w.wanted} serve from ${sec(from)} to ${sec(to)}`;
      const wide = Math.max(1, x(to) - x(from));
      if (share < 1) svg.append(s("rect", { x: x(from), y, width: wide, height: ROW - 3,
        fill: "var(--bad-soft)" }, title(text)));
      svg.append(s("rect", { x: x(from), y: y + ROW - 3 - tall, width: wide, height: tall,
        fill: share >= 1 ? "var(--v1)" : share > 0 ? "var(--bad3)" : "var(--bad)" }, title(text)));
    }
  };
}

// Workloads that nothing happens to are told, not drawn.
const touched = (w) => w.serving.some(([, pods]) => pods < w.wanted);

const fine = (p) => p.incomplete === 0 && p.lost < 0.5;

function procedure(p, drawn) {
  const rows = p.workloads.filter((w) => w.lost >= 0.5 || w.lowest_available < w.replicas).map((w) =>
    [w.workload, String(w.lowest_available), String(w.replicas), w.service ? count(w.lost) : "–",
      w.budgets.join(", ")]);
  const parts = [h("h2", null, p.name), h("p", { class: "verdict" + (fine(p) ? "" : " lossy") }, p.verdict)];
  for (const row of p.stuck) {
    parts.push(h("p", { class: "note" }, `Stuck: ${row.what}; ${row.setting} is ${row.found}, needed: ${row.needed}.`));
  }
  if (drawn) {
    const shown = drawn.workloads.filter(touched), left = drawn.workloads.length - shown.length;
    parts.push(h("h3", null, "Nodes"), lanes(drawn, drawn.nodes, `nodes over time: ${p.name}`,
      (n) => (n.zone ? `${n.name} · ${n.zone}` : n.name), nodeRow(drawn)));
    if (drawn.left_out) parts.push(h("p", { class: "note" }, `${drawn.left_out} nodes on which nothing happens are left out.`));
    if (shown.length) parts.push(h("h3", null, "Workloads"), lanes(drawn, shown,
      `workloads over time: ${p.name}`, (w) => `${w.name} (${w.wanted})`, workloadRow(drawn)));
    if (left) parts.push(h("p", { class: "note" }, `${left} more workloads have all of their pods all the time.`));
  }
  if (rows.length) parts.push(table("Fewest available pods in any replication, requests lost in the mean.",
    ["workload", "#lowest", "#of", "#lost", "budget"], rows));
  return h("section", null, parts);
}

function summary(all) {
  const rows = all.procedures.map((p) => [p.name, figure(p.duration_s, "s"), percent(1 - p.incomplete), count(p.lost)]);
  return table("What was tried.", ["procedure", "#time", "#ends in", "#lost"], rows);
}

function redraw() {
  const all = DATA.maintenance;
  // The first is what the verdict says.
  const advice = all.advice.slice(all.plan ? 1 : 0);
  const key = legend([
    [(a) => a.append(s("rect", { x: 0, y: 1, width: 22, height: 10, fill: "var(--track)" }),
      s("rect", { x: 0, y: 5, width: 22, height: 6, fill: "var(--v0)", opacity: 0.75 })), "node, with its pods"],
    [(a) => a.append(s("rect", { x: 0, y: 1, width: 22, height: 10, fill: NODE_FILLS.cordoned(a) })), "takes no new pods"],
    [(a) => a.append(s("rect", { x: 0, y: 1, width: 22, height: 10, fill: NODE_FILLS.lost(a) })), "lost"],
    [(a) => a.append(s("rect", { x: 0, y: 1, width: 22, height: 10, fill: "var(--v1)" })), "all pods serve"],
    [(a) => a.append(s("rect", { x: 0, y: 1, width: 22, height: 10, fill: "var(--bad-soft)" }),
      s("rect", { x: 0, y: 6, width: 22, height: 5, fill: "var(--bad3)" })), "some do"],
    [(a) => a.append(s("rect", { x: 0, y: 1, width: 22, height: 10, fill: "var(--bad-soft)" }),
      s("rect", { x: 0, y: 9, width: 22, height: 2, fill: "var(--bad)" })), "none does"]]);
  main.replaceChildren(header("maintenance", all.name, DATA.verdict, !all.procedures.every(fine)), summary(all),
    advice.length ? h("h2", null, "What to do") : "",
    advice.length ? h("ul", null, advice.map((line) => h("li", null, line))) : "",
    all.plan && all.plan.command ? command(all.plan.command) : "", key,
    ...all.procedures.map((p, i) => procedure(p, DATA.drawn[i])),
    all.not_modelled.length ? h("h2", null, "Not modelled") : "",
    all.not_modelled.length ? h("p", null, all.not_modelled.join("; ")) : "",
    h("details", null, h("summary", null, "Assumed"), h("ul", null, all.assumptions.map((a) => h("li", null, a)))),
    footer(all.signature));
}
redraw();
onresize(redraw);
selftest([
  ["every procedure has a part", () => expect("parts",
    document.querySelectorAll("section").length === DATA.maintenance.procedures.length)],
  ["every node is drawn", () => expect("nodes",
    document.querySelectorAll("rect.state").length >= DATA.drawn.filter((d) => d).flatMap((d) => d.nodes).length)],
]);
