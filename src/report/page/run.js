// The page of one rollout, or of several side by side.

const colour = (v) => `var(--v${v % 4})`;
const FAILED = [["var(--bad)", "cross"], ["var(--bad2)", "slash"], ["var(--bad3)", "back"],
  ["var(--bad4)", "dots"], ["var(--bad)", "bars"]];
const STATE = { starting: "starting, does not listen yet", serving: "serving",
  stopping: "told to stop, still serving", draining: "listener closed, finishing requests",
  refusing: "nobody listens: refused", unreachable: "address gone: no route to host",
  silent: "nothing answers: times out" };
const serves = (state) => state === "serving" || state === "stopping";
const at = (list, t) => list.find((x) => x.from_s <= t && t < x.to_s);

// What the viewer looks at: answer, window of time, instant, filter, all answers one under the other.
const look = { answer: 0, from: 0, to: 1, now: 0, lossy: false, open: -1, together: true, hover: null };
let A, T;
const SEVERAL = DATA.answers.length > 1;
const TIMED = DATA.answers.map((a, i) => i).filter((i) => DATA.answers[i].timeline);
// All answers have one axis of time, from the action: what is above is at the same instant as what is below.
const ENDS = [Math.min(...TIMED.map((i) => DATA.answers[i].timeline.start_s)),
  Math.max(...TIMED.map((i) => DATA.answers[i].timeline.end_s))];
const SPAN = interesting();

function open(index) {
  look.answer = index;
  A = DATA.answers[index];
  T = A.timeline;
  look.open = -1;
}
// With each answer drawn in the timeline in turn.
const drawn = () => (look.together ? TIMED : TIMED.filter((i) => i === look.answer));
function each(f) {
  const kept = [A, T];
  const all = drawn().map((i, k) => {
    [A, T] = [DATA.answers[i], DATA.answers[i].timeline];
    return f(i, k);
  });
  [A, T] = kept;
  return all;
}

// From a little before the action until nothing more happens to any pod.
function interesting() {
  const last = Math.max(1, ...TIMED.map((i) => DATA.answers[i].timeline.last_s));
  const room = Math.max(1, last * 0.06);
  return [Math.max(ENDS[0], -room), Math.min(ENDS[1], last + room)];
}
function start() {
  [look.from, look.to] = SPAN;
  const first = TIMED.flatMap((i) => DATA.answers[i].timeline.lanes).flatMap((l) => l.wrong)
    .map((w) => (w.from_s + w.to_s) / 2);
  look.now = first.length ? Math.min(...first) : 0;
  followLink();
}

function draw() {
  const whole = SEVERAL ? comparisonPage() : [
    header("rollout", A.name, A.verdict, mark(A)), paperBlock(), headLine(A), shareSection(),
    ...answerSections(true)];
  main.replaceChildren(...whole.filter(Boolean));
  if (T) drawTime();
  offerDownloads();
}
const bad = (a) => a.worth_changing || a.incomplete > 0;
// Bad, or bad were something not as it is assumed.
const mark = (a) => bad(a) || (a.assumptions.some((x) => x.otherwise) ? " doubtful" : "");
// What is said of one answer; its timeline unless that of all is drawn.
const answerSections = (timed, lists = listsSection()) => [stuckSection(), tiles(), fixSection(),
  T && timed ? fleetSection() : null, T && timed ? replaySection() : null, T && timed ? timelineSection() : null, blameSection(), spreadSection(),
  requestsSection(), rolloutSection(), autoscalingSection(),
  timeSection(), matterSection(), lists, footer(DATA.signatures[look.answer] + " · "
    + A.provenance.evaluator + ": " + A.provenance.evaluator_reason)];

// What was simulated, and what of it nobody gave; an approximation says what it leaves out.
function headLine(a) {
  const items = a.head.map((r) => r.value + (r.given ? "" : " (assumed)")).join(" · ");
  const p = a.provenance;
  return h("div", null, h("p", { class: "note", id: "head" }, items),
    p.evaluator === "approximate"
      ? h("p", { class: "note" }, "Approximate, as asked for: " + p.evaluator_reason) : null);
}

function tiles() {
  const l = A.lost, r = A.rollout, d = r.duration_s;
  const share = l.total.mean / Math.max(1, A.requests.sent);
  const done = r.completed < 1 ? percent(r.completed) + " of rollouts complete" :
    d ? range(d.range, sec) + " in 95 %" : "";
  return h("div", { class: "tiles" },
    tile("lost requests", count(l.total.mean), l.total.mean ? percent(share) + "; "
      + range(l.total.range) + " in 95 % of rollouts" : "of " + count(A.requests.sent),
    l.total.mean ? "bad" : "good"),
    tile("chance of no loss", percent(l.probability_none.mean), "of a single rollout",
      l.probability_none.mean > 0.5 ? "good" : "bad"),
    A.hurt ? tile("requests fail over", sec(A.hurt.window_s.mean), hurtNote(A.hurt), "bad") : null,
    // What is no rollout, as a switch of Services, ends without completing.
    d || r.is_rollout || A.incomplete > 0
      ? tile("rollout takes", d ? sec(d.mean) : "no end", done, d ? "" : "bad") : null,
    tile("pods available at least", range(r.lowest_available.range), "of " + r.desired + " wanted",
      r.lowest_available.range[0] < r.desired ? "bad" : ""),
    tile("pods at most", range(r.peak_pods.range),
      count(r.surge_pod_seconds) + " pod-seconds above the wanted"));
}

// From the first failed request to the last: how bad it is meanwhile.
function hurtNote(u) {
  const half = u.half_fail_s.mean, all = u.all_fail_s.mean;
  const worst = half < 0.5 ? "never half at once" : all < 0.5 ? `half or more for ${sec(half)} on end`
    : `all for ${sec(all)} on end`;
  return `${worst}; ${percent(u.availability.mean)} answered meanwhile`;
}

// ---- the timeline ----

function timelineSection() {
  const slider = h("input", { type: "range", id: "scrub", min: 0, max: 1000, step: 1,
    "aria-label": "instant looked at", oninput: (e) => {
      look.now = look.from + (e.target.value / 1000) * (look.to - look.from);
      drawCursor();
    } });
  const zoom = (k) => () => zoomBy(k, look.now);
  const tools = h("div", { class: "tools" },
    h("button", { onclick: zoom(0.5), id: "zoom-in" }, "zoom in"),
    h("button", { onclick: zoom(2), id: "zoom-out" }, "zoom out"),
    h("button", { onclick: () => window_(...SPAN), id: "zoom-all" }, "whole rollout"),
    h("label", null, h("input", { type: "checkbox", id: "lossy", checked: look.lossy,
      onchange: (e) => { look.lossy = e.target.checked; drawTime(); } }), "only pods with losses"),
    TIMED.length > 1 ? h("label", null, h("input", { type: "checkbox", id: "together",
      checked: look.together, onchange: (e) => {
        look.together = e.target.checked;
        draw();
        document.getElementById("together").focus();
      } }), "all on one axis") : null,
    h("label", { style: "flex:1 1 260px" }, "instant", slider));
  return h("section", { "aria-labelledby": "h-time" },
    h("h2", { id: "h-time" }, "Timeline: what pods were, and what was believed of them"),
    h("p", { class: "note" }, "One rollout of ", String(A.provenance.replications),
      ", drawn. Bars: the pod itself. Thin lines over it: a data plane sends requests to it. ",
      "Crossed out: it sends requests and the pod does not serve."),
    tools, lanesLegend(),
    h("div", { id: "lanes", tabindex: 0, role: "group", onkeydown: keys,
      "aria-label": "swim lanes; arrow keys move the instant, plus and minus zoom" }),
    h("div", { id: "rates" }),
    h("div", { class: "readout", id: "readout", "aria-live": "polite" }));
}

function lanesLegend() {
  const bar = (paint, pattern) => (svg) => {
    svg.append(s("rect", { x: 0, y: 1, width: 22, height: 10, fill: paint }));
    if (pattern) svg.append(s("rect", { x: 0, y: 1, width: 22, height: 10,
      fill: hatch(svg, pattern[0], pattern[1]) }));
  };
  const versions = [...new Set(each(() => T.versions.length === 2 && look.together
    && drawn().length > 1 ? ["old version", "new version"] : T.versions).flat())];
  const items = versions.map((v, i) => [bar(colour(i)), "serving, " + v]);
  items.push([bar("var(--v0)", ["var(--bg)", "slash"]), "told to stop, still serving"]);
  items.push([bar("var(--track)", ["var(--idle)", "dots"]), "starting"]);
  items.push([bar("var(--track)", ["var(--idle)", "back"]), "not serving any more"]);
  items.push([(svg) => svg.append(s("rect", { x: 0, y: 4, width: 22, height: 3,
    fill: "var(--belief)" })), T.views.length > 4 ? "share of data planes routing to it"
    : drawn().length > 1 ? "routed to by a data plane"
      : "routed to by " + [...new Set(T.views.map((v) => v.name))].join("; ")]);
  items.push([bar("var(--bad-soft)", ["var(--bad)", "cross"]),
    "routed to, does not serve: requests fail"]);
  const stroke = { stroke: "var(--text)", "stroke-width": 1.6, fill: "none" };
  items.push([(svg) => svg.append(s("path", { d: "M7,10 h8 l-4,-7 z", fill: "var(--text)" })),
    "turns ready"], [(svg) => svg.append(s("path", { d: "M8,3 l6,6 m0,-6 l-6,6", ...stroke })),
    "deleted"]);
  if (each(() => T.lanes.some((l) => l.cuts_s.length)).includes(true)) {
    items.push([(svg) => svg.append(s("path", { d: "M11,0 v12 m-4,-10 l8,8 m0,-8 l-8,8",
      ...stroke, stroke: "var(--bad)" })), "running requests are cut"]);
  }
  return legend(items);
}

function window_(from, to) {
  const least = 0.2, all = ENDS;
  const length = Math.min(Math.max(to - from, least), all[1] - all[0]);
  look.from = Math.min(Math.max(from, all[0]), all[1] - length);
  look.to = look.from + length;
  look.now = Math.min(Math.max(look.now, look.from), look.to);
  drawTime();
}
function zoomBy(k, around) {
  const part = (around - look.from) / (look.to - look.from);
  const length = (look.to - look.from) * k;
  window_(around - part * length, around + (1 - part) * length);
}
function keys(e) {
  const step = (look.to - look.from) / (e.shiftKey ? 20 : 200);
  const does = { ArrowRight: () => move(step), ArrowLeft: () => move(-step),
    "+": () => zoomBy(0.5, look.now), "=": () => zoomBy(0.5, look.now),
    "-": () => zoomBy(2, look.now), 0: () => window_(...SPAN), Home: () => window_(...SPAN) };
  if (!does[e.key] || e.ctrlKey || e.metaKey) return;
  e.preventDefault();
  does[e.key]();
}
function move(by) {
  look.now = Math.min(Math.max(look.now + by, ENDS[0]), ENDS[1]);
  if (look.now < look.from || look.now > look.to) window_(look.from + by, look.to + by);
  else drawCursor();
}

// Geometry shared by ruler, lanes and rates.
function frame() {
  const w = width(main), narrow = w < 640;
  const l = narrow ? 92 : 196, r = narrow ? 44 : 64;
  return { w, l, r: w - r, narrow, x: linear(look.from, look.to, l, w - r) };
}
const shownLanes = () => T.lanes.filter((l) => !look.lossy || l.lost > 0 || l.wrong.length);

function drawTime() {
  const f = frame(), several = drawn().length > 1;
  const name = () => (several ? h("h3", null, A.name, h("span", { class: "dim" },
    ` loses ${count(A.lost.total.mean)} on average`)) : null);
  const group = () => h("div", { class: "group" }, name(), h("div", { class: "ruler" }, ruler(f)),
    h("div", { class: "lanes" }, pieces(shownLanes()).map((lanes, i) => laneArt(f, lanes, !i))));
  document.getElementById("lanes").replaceChildren(...each(group));
  // One scale for all, so that heights compare.
  const most = [Math.max(...each(() => highest(answered()))), Math.max(...each(() => highest(failed())))];
  document.getElementById("rates").replaceChildren(...each(() => rates(f, most, several)).flat(),
    ...(several && KINDS.length ? [kindsLegend()] : []));
  drawFleet();
  drawCursor();
}

function ruler(f) {
  const svg = chart(f.w, 40, "time axis with what happened to the rollout");
  for (const t of ticks(look.from, look.to, f.narrow ? 5 : 10)) {
    const x = f.x(t);
    svg.append(s("line", { class: "axis", x1: x, x2: x, y1: 34, y2: 40 }),
      s("text", { class: "dim", x, y: 31, "text-anchor": "middle" }, trim(String(t)) + " s"));
  }
  let free = -Infinity;
  for (const m of T.milestones.filter((m) => look.from <= m.at_s && m.at_s <= look.to)) {
    const x = f.x(m.at_s), size = m.what.length * 6.4, end = x + size + 16 > f.w;
    svg.append(s("path", { d: `M${x - 4},13 h8 l-4,6 z`, fill: "var(--text)" },
      title(instant(m.at_s) + " " + m.what)));
    // Above the marks, so that none lies over a word; what finds no room is told by its mark.
    if ((end ? x - size : x - 4) < free) continue;
    svg.append(s("text", { x: end ? x + 4 : x - 4, y: 10, "text-anchor": end ? "end" : "start" },
      m.what));
    free = end ? x + 12 : x + 12 + size;
  }
  return svg;
}

// A picture cannot be broken over two sheets of paper: so many lanes in each.
const PIECE = 12;
const pieces = (lanes) => [...Array(Math.max(1, Math.ceil(lanes.length / PIECE))).keys()].map((i) =>
  lanes.slice(i * PIECE, (i + 1) * PIECE));

const ROW = 26;
function laneArt(f, lanes, first) {
  const outage = T.outages.length > 0 && first, top = outage ? ROW : first ? 2 : 0;
  const svg = chart(f.w, top + lanes.length * ROW + 6, "swim lanes, one a pod: "
    + lanes.map((l) => l.pod + (l.lost ? " loses " + count(l.lost) : "")).join(", "));
  const clip = "c" + ++serial;
  svg.append(s("defs", null, s("clipPath", { id: clip }, s("rect", { x: f.l, y: 0,
    width: f.r - f.l, height: top + lanes.length * ROW + 6 }))));
  const paint = { starting: hatch(svg, "var(--idle)", "dots"),
    gone: hatch(svg, "var(--idle)", "back"), stopping: hatch(svg, "var(--bg)", "slash"),
    bad: hatch(svg, "var(--bad)", "cross") };
  const art = s("g", { "clip-path": `url(#${clip})` });
  for (const t of ticks(look.from, look.to, f.narrow ? 5 : 10)) {
    art.append(s("line", { class: t === 0 ? "zero" : "grid", x1: f.x(t), x2: f.x(t), y1: 0,
      y2: top + lanes.length * ROW }));
  }
  if (outage) outages(svg, art, f, paint);
  lanes.forEach((lane, i) => oneLane(svg, art, f, paint, lane, top + i * ROW));
  ended(art, f, 0, top + lanes.length * ROW + 6, T.end_s, first ? "the run is over" : "");
  svg.append(art, s("line", { class: "cursor", y1: 0, y2: top + lanes.length * ROW + 6 }));
  pointer(svg, f);
  return svg;
}

const rect = (f, x, y, height, paint, tip) => s("rect", { x: f.x(x.from_s), y, height,
  width: Math.max(0.8, f.x(x.to_s) - f.x(x.from_s)), fill: paint }, tip ? title(tip) : null);
const when = (x) => instant(x.from_s) + " to " + instant(x.to_s);

function outages(svg, art, f, paint) {
  const partly = T.outages.every((o) => o.partial), held = T.outages.every((o) => o.kind === "held");
  svg.append(s("text", { x: 0, y: 16 }, held ? "requests held" : partly ? "a share unroutable"
    : f.narrow ? "no backend" : "nothing routable"));
  for (const o of T.outages) {
    const what = { "rule-gap": "no rules", held: "no pod has room, requests wait" };
    const text = `${T.views[o.view].name}: ${what[o.kind] || "no backend"}, ` + when(o);
    art.append(rect(f, o, 6, 14, o.kind === "held" ? "var(--track)" : "var(--bad-soft)"),
      rect(f, o, 6, 14, o.kind === "held" ? "none" : paint.bad, text));
  }
}

function oneLane(svg, art, f, paint, lane, y) {
  const version = T.versions[lane.version] || "", room = f.narrow ? 11 : 23;
  const name = lane.pod.length > room ? "…" + lane.pod.slice(1 - room) : lane.pod;
  svg.append(s("text", { x: 0, y: y + 17, class: lane.pod === look.pod ? "asked" : null }, name, title(`${lane.pod}, ${version}, node ${lane.node}`)),
    f.narrow ? "" : s("text", { class: "dim", x: f.l - 8, y: y + 17, "text-anchor": "end" },
      version.slice(0, 5)));
  if (lane.lost >= 0.005) {
    svg.append(s("text", { class: "bad", x: f.w, y: y + 17, "text-anchor": "end" },
      "−" + count(lane.lost), title(`${count(lane.lost)} requests sent to ${lane.pod} fail`)));
  }
  for (const x of lane.truth) {
    const tip = `${lane.pod}: ${STATE[x.state]}, ${when(x)}`;
    const base = serves(x.state) ? colour(lane.version) : "var(--track)";
    art.append(rect(f, x, y + 9, 13, base, tip));
    const over = x.state === "stopping" ? paint.stopping : x.state === "starting"
      ? paint.starting : x.state === "serving" ? null : paint.gone;
    if (over) art.append(rect(f, x, y + 9, 13, over, tip));
  }
  beliefs(art, f, lane, y);
  for (const x of lane.wrong) {
    const tip = `${lane.pod}: routed to, but ${STATE[x.state]}, ${when(x)}`;
    art.append(rect(f, x, y + 8, 15, "var(--bad-soft)"), rect(f, x, y + 8, 15, paint.bad, tip),
      s("rect", { x: f.x(x.from_s), y: y + 8, height: 15, fill: "none", stroke: "var(--bad)",
        width: Math.max(0.8, f.x(x.to_s) - f.x(x.from_s)) }));
  }
  for (const t of lane.cuts_s) {
    art.append(s("path", { d: `M${f.x(t)},${y + 5} v19 m-4,-15 l8,10 m0,-10 l-8,10`, fill: "none",
      stroke: "var(--bad)", "stroke-width": 2 },
    title(`${lane.pod}: running requests are cut at ${instant(t)}`)));
  }
  for (const m of lane.marks.filter((m) => m.what === "deleted" || m.what === "ready")) {
    const x = f.x(m.at_s), up = m.what === "ready";
    art.append(s("path", { d: up ? `M${x - 4},${y + 25} h8 l-4,-6 z`
      : `M${x - 3},${y + 19} l6,6 m0,-6 l-6,6`, fill: up ? "var(--text)" : "none",
      stroke: "var(--text)", "stroke-width": up ? 0 : 1.6 },
    title(`${lane.pod}: ${m.what} at ${instant(m.at_s)}`)));
  }
}

// Up to four data planes get a line each; more share one whose height is their number.
function beliefs(art, f, lane, y) {
  if (T.views.length <= 4) {
    lane.beliefs.forEach((b) => b.routed_s.forEach(([from_s, to_s]) => {
      const x = { from_s, to_s };
      art.append(rect(f, x, y + 7 - 2 * b.view, 1.4, "var(--belief)",
        `${T.views[b.view].name} routes to ${lane.pod}, ${when(x)}`));
    }));
    return;
  }
  const times = [...new Set(lane.beliefs.flatMap((b) => b.routed_s.flat()))].sort((a, b) => a - b);
  for (let i = 0; i + 1 < times.length; i++) {
    const x = { from_s: times[i], to_s: times[i + 1] };
    const n = routing(lane, times[i]).length;
    if (!n) continue;
    const high = 1 + (6 * n) / T.views.length;
    art.append(rect(f, x, y + 8 - high, high, "var(--belief)",
      `${n} of ${T.views.length} data planes route to ${lane.pod}, ${when(x)}`));
  }
}
const routing = (lane, t) =>
  lane.beliefs.filter((b) => b.routed_s.some(([from, to]) => from <= t && t < to));

// A click sets the instant; a drag zooms into what it covers.
function pointer(svg, f) {
  const time = (e) => {
    const box = svg.getBoundingClientRect();
    const x = ((e.clientX - box.left) / box.width) * f.w;
    return Math.min(Math.max(look.from + ((x - f.l) / (f.r - f.l)) * (look.to - look.from),
      look.from), look.to);
  };
  let from = null;
  svg.addEventListener("pointerdown", (e) => {
    hover(null);
    if (e.button === 0) from = [time(e), e.clientX];
  });
  svg.addEventListener("pointermove", (e) => {
    if (e.pointerType !== "mouse") return;
    if (from) { look.now = time(e); drawCursor(from[0]); } else hover(time(e));
  });
  svg.addEventListener("pointerleave", () => hover(null));
  addEventListener("pointerup", (e) => {
    if (!from || !svg.isConnected) return;
    const [t0, x0] = from, t1 = time(e);
    from = null;
    look.now = t1;
    if (Math.abs(e.clientX - x0) > 8 && e.pointerType === "mouse") {
      window_(Math.min(t0, t1), Math.max(t0, t1));
    } else drawCursor();
  });
  svg.addEventListener("wheel", (e) => {
    if (!e.ctrlKey && !e.metaKey) return;
    e.preventDefault();
    zoomBy(e.deltaY > 0 ? 1.25 : 0.8, time(e));
  }, { passive: false });
}

// ---- requests per second ----

const answered = () => A.requests.answered.map((v, i) => ({ name: "answered by " + v.version,
  paint: [colour(i), null], of: (x) => x.answered[i] || 0 }));
// A kind of failure is painted alike in all answers.
const KINDS = [...new Set(DATA.answers.flatMap((a) => a.lost.by_failure.map((g) => g.label)))];
const failed = () => A.lost.by_failure.map((g, i) => ({ name: g.label,
  paint: FAILED[KINDS.indexOf(g.label) % FAILED.length], of: (x) => x.failed[i] || 0 }));
const inWindow = () => A.seconds.filter((x) => x.second + 1 > look.from && x.second < look.to);
const highest = (series) => Math.max(1e-9, ...inWindow().map((x) =>
  series.reduce((sum, k) => sum + k.of(x), 0)));

// What is answered and what fails, of one answer; of several without legends, which they share.
function rates(f, most, several) {
  const kinds = failed(), of = several ? A.name + ": " : "";
  const out = [h("h3", null, of + "answered, requests a second (mean over all rollouts)"),
    stack(f, answered(), 96, most[0])];
  if (kinds.length) {
    out.push(h("h3", null, of + "failed, requests a second (mean over all rollouts; its own scale)"),
      stack(f, kinds, 96, most[1]), several ? null : seriesLegend(kinds));
  } else out.push(h("p", { class: "note" }, of + "no request fails in any second."));
  return out.filter(Boolean);
}
// All kinds of failure that occur in what is drawn.
const kindsLegend = () => seriesLegend([...new Map(each(failed).flat().map((k) =>
  [k.name, k])).values()]);
const seriesLegend = (series) => legend(series.map((x) => [(svg) => {
  svg.append(s("rect", { y: 1, width: 22, height: 10, fill: x.paint[0], "fill-opacity":
    x.paint[1] ? 0.25 : 1 }));
  if (x.paint[1]) svg.append(s("rect", { y: 1, width: 22, height: 10,
    fill: hatch(svg, ...x.paint) }));
}, x.name]));

function stack(f, series, height, most) {
  const rows = inWindow();
  const svg = chart(f.w, height + 8, series.map((x) => x.name).join(", ") + " per second, at most "
    + count(highest(series)));
  const y = linear(0, most, height - 2, 10), box = { l: f.l, r: f.r, t: 10, b: height - 2 };
  axes(svg, box, { at: f.x, ticks: [] }, { at: y, ticks: ticks(0, most, 3) });
  const paints = series.map((k) => (k.paint[1] ? hatch(svg, ...k.paint) : null));
  for (const row of rows) {
    const x = { from_s: Math.max(row.second, look.from), to_s: Math.min(row.second + 1, look.to) };
    let below = 0;
    series.forEach((k, i) => {
      const n = k.of(row);
      if (n <= 0) return;
      const tip = `second ${row.second}: ${count(n)} ${k.name}`;
      const top = y(below + n), high = Math.max(0.6, y(below) - top);
      svg.append(rect(f, x, top, high, k.paint[0], tip));
      if (paints[i]) svg.lastChild.setAttribute("fill-opacity", 0.25);
      if (paints[i]) svg.append(rect(f, x, top, high, paints[i], tip));
      below += n;
    });
  }
  ended(svg, f, 10, height - 2, T && T.traffic_s[1], "no more requests are sent");
  svg.append(s("line", { class: "cursor", y1: 4, y2: height - 2 }));
  pointer(svg, f);
  return svg;
}

// Where one of several is over before the others: what is not drawn is no outage.
function ended(svg, f, top, bottom, end, text) {
  if (drawn().length < 2 || end === null || end >= look.to - 1e-6) return;
  const x = Math.max(f.l, f.x(end)), narrow = f.r - x < text.length * 6.4 + 12;
  svg.append(s("rect", { x, y: top, width: Math.max(0, f.r - x), height: bottom - top,
    fill: "var(--track)" }, title(`${A.name}: ${text} after ${instant(end)}`)),
  s("line", { class: "zero", x1: x, x2: x, y1: top, y2: bottom }),
  narrow ? "" : s("text", { class: "dim", x: x + 6, y: (top + bottom) / 2 + 4 }, text));
}

// ---- the instant ----

function drawCursor(dragFrom) {
  const f = frame(), x = f.x(look.now);
  document.querySelectorAll("svg .cursor").forEach((line) => {
    line.setAttribute("x1", x);
    line.setAttribute("x2", x);
  });
  document.getElementById("scrub").value = ((look.now - look.from) / (look.to - look.from)) * 1000;
  document.getElementById("scrub").setAttribute("aria-valuetext", instant(look.now));
  drawPanes();
  document.getElementById("readout").replaceChildren(...(dragFrom === undefined
    ? each(readout).flat() : [h("b", null, `${instant(dragFrom)} to ${instant(look.now)}`),
      ": release to zoom in"]));
}

// A crosshair and what was at an instant, while the pointer is there.
function hover(t) {
  document.querySelectorAll("svg .hover").forEach((line) => line.remove());
  look.hover = t;
  if (t !== null) {
    const x = frame().x(t);
    document.querySelectorAll("svg .cursor").forEach((cursor) => {
      const line = cursor.cloneNode();
      fill(line, { class: "hover", x1: x, x2: x }, []);
      cursor.after(line);
    });
  }
  document.getElementById("readout").replaceChildren(...each(readout).flat());
}

function readout() {
  const t = look.hover ?? look.now, pods = T.lanes.filter((l) => at(l.truth, t));
  const serving = pods.filter((l) => serves(at(l.truth, t).state));
  const routed = T.lanes.filter((l) => routing(l, t).length);
  const wrong = T.lanes.filter((l) => at(l.wrong, t));
  const row = A.seconds.find((x) => x.second <= t && t < x.second + 1);
  const sum = (list) => list.reduce((a, b) => a + b, 0);
  const rate = row ? ` In this second ${count(sum(row.answered))} answered and `
    + `${count(sum(row.failed))} failed on average.` : "";
  const list = wrong.slice(0, 4).map((l) => {
    const by = routing(l, t).map((b) => T.views[b.view].name);
    return h("div", null, h("b", { style: "color:var(--bad)" }, "× " + l.pod), " ",
      STATE[at(l.wrong, t).state], "; still routed to by ",
      by.length > 3 ? by.length + " data planes" : by.join(", "));
  });
  const of = drawn().length > 1 ? A.name + " " : "";
  return [h("div", null, h("b", null, of + "at " + instant(t)), `: ${pods.length} pods, ${serving.length} serving, `
    + `${routed.length} routed to, ${wrong.length} routed to without serving.${rate}`), ...list,
  wrong.length > 4 ? h("div", { class: "dim" }, `and ${wrong.length - 4} more`) : null]
    .filter(Boolean);
}
