// The page of a rollout, continued: blame, tables, and the start of the page.

function blameSection() {
  if (!A.blame.length) return null;
  const toggle = (i) => { look.open = look.open === i ? -1 : i; replace(); };
  const rows = () => A.blame.flatMap((b, i) => {
    const open = look.open === i || printing;
    const head = h("tr", null,
      h("td", { class: "n", "data-h": "lost" }, count(b.lost)),
      h("td", { "data-h": "what" }, h("button", { "aria-expanded": String(open),
        class: "why", onclick: () => toggle(i) }, (open ? "▾ " : "▸ ") + b.failure_label),
      " ", b.cause_label, b.parts.slice(1).map((p) => h("div", { class: "note" },
        count(p.lost) + " of them: " + p.failure_label + ", " + p.cause_label))),
      h("td", { "data-h": "setting" }, path(b.setting)),
      h("td", { "data-h": "found" }, b.found), h("td", { "data-h": "needed" }, b.needed),
      h("td", { class: "n", "data-h": "missing" }, b.missing_s === null ? "–" : sec(b.missing_s)));
    return open ? [head, detail(b)] : [head];
  });
  const body = h("tbody");
  const replace = () => body.replaceChildren(...rows());
  replace();
  const heads = ["lost", "what the client saw, and why", "setting", "found", "needed", "missing"];
  return h("section", { id: "blame" }, h("h2", null, "Whose setting is to blame"),
    h("p", { class: "note" }, "Open a row to see what happened when."),
    h("div", { class: "scroll" }, h("table", { class: "stack" }, h("thead", null, h("tr", null,
      heads.map((x, i) => h("th", { scope: "col", class: i % 5 ? null : "n" }, x)))), body)));
}

function detail(b) {
  const times = b.chain.map((c) => c.at_s);
  const show = () => {
    const [from, to] = [Math.min(...times), Math.max(...times)];
    const room = Math.max(0.5, (to - from) * 0.3);
    look.now = (from + to) / 2;
    window_(from - room, to + room);
    document.getElementById("h-time").scrollIntoView();
  };
  const chain = b.chain.map((c, i) => h("li", null, h("time", null, instant(c.at_s)), c.what,
    i ? h("span", { class: "dim" }, ` (+${sec(c.at_s - b.chain[i - 1].at_s)})`) : null));
  const pods = b.pods > 1 ? `${b.pods} pods; this is ${b.example_pod}` : b.example_pod;
  return h("tr", { class: "detail" }, h("td", { colspan: 6 }, h("div", null, b.explanation),
    b.example_pod ? h("p", { class: "note" }, pods) : null,
    h("ol", { class: "chain" }, chain),
    T && times.length ? h("button", { class: "screen", onclick: show }, "show on the timeline")
      : null));
}

function requestsSection() {
  const groups = (list) => list.map((g) => [g.label, count(g.count.mean), range(g.count.range),
    percent(g.probability_none.mean)]);
  const heads = (x) => [x, "#mean", "#95 % of rollouts", "#none lost"];
  const r = A.requests, l = A.latency, n = (x) => count(x);
  const total = [["all", n(A.lost.total.mean), range(A.lost.total.range),
    percent(A.lost.probability_none.mean)]];
  const answers = [["sent", n(r.sent)], ...r.answered.map((v) => ["answered by " + v.version,
    n(v.mean)]), ["failed", n(A.lost.total.mean)], ["still open at the end", n(r.open)],
  [`answered later than ${sec(r.stall_threshold_s)}`, n(r.stalled.mean)]];
  const quantiles = l && [["least", l.min_s], ["mean", l.mean_s], ["half below", l.p50_s],
    ["90 % below", l.p90_s], ["99 % below", l.p99_s], ["most", l.max_s]]
    .map(([k, v]) => [k, v < 0.0995 ? (v * 1000).toFixed(1) + " ms" : sec(v)]);
  return h("section", null, h("h2", null, "Requests"), h("div", { class: "pair" },
    h("div", null, h("h3", null, "failed, by what the client saw"),
      table("", heads(""), groups(A.lost.by_failure).concat(total))),
    h("div", null, h("h3", null, "failed, by cause"),
      table("", heads(""), groups(A.lost.by_cause).concat(total))),
    h("div", null, h("h3", null, "all requests, mean"), table("", ["", "#"], answers)),
    l ? h("div", null, h("h3", null, "latency of answered requests"),
      table("", ["", "#"], quantiles)) : null));
}

// How many rollouts lose how many.
function spreadSection() {
  const columns = A.lost.spread || [];
  if (columns.length < 2) return null;
  const [room, height] = [Math.min(width(main), 900), 220];
  const most = Math.max(...columns.map((c) => c.share)), step = columns[0].to - columns[0].from + 1;
  const last = columns[columns.length - 1];
  const x = { ticks: ticks(columns[0].from, last.to, 8).filter((t) => t % 1 === 0 && t <= last.to),
    label: "requests lost in a rollout" };
  const y = { ticks: ticks(0, most, 4), unit: "share", label: "share of the rollouts" };
  const box = { l: beside({ ...y, at: linear(0, most, 0, 1) }), r: room - 10, t: 24, b: height - 42 };
  const edge = linear(columns[0].from, last.to + 1, box.l, box.r);
  x.at = (v) => edge(v + (step === 1 ? 0.5 : 0));
  y.at = linear(0, most, box.b, box.t);
  const text = (c) => range([c.from, c.to], (n) => group(n)) + " lost: " + percent(c.share) + " of rollouts";
  const svg = chart(room, height, "how many rollouts lose how many requests; most often "
    + text(columns.find((c) => c.share === most)));
  columns.forEach((c) => svg.append(s("rect", { x: edge(c.from) + 1, y: y.at(c.share),
    width: Math.max(1, edge(c.to + 1) - edge(c.from) - 2), height: Math.max(0, box.b - y.at(c.share)),
    fill: c.from === 0 && c.to === 0 ? "var(--good)" : "var(--bad)" }, title(text(c)))));
  axes(svg, box, x, y);
  const mean = edge(A.lost.total.mean + 0.5);
  svg.append(s("line", { x1: mean, x2: mean, y1: box.t, y2: box.b, class: "mean" }),
    s("text", { x: box.r, y: box.t - 8, class: "dim", "text-anchor": "end" }, "┆ mean " + count(A.lost.total.mean)));
  return h("section", { id: "spread" }, h("h2", null, "How single rollouts differ"), svg);
}

function stuckSection() {
  if (!A.stuck.length) return null;
  return h("section", null, h("h2", null, "What does not reach its end"),
    table("", ["", "#rollouts", "#since", "waits for", "setting", "found", "needed"],
      A.stuck.map((s) => [s.action, percent(s.share), sec(s.since_s), s.what, path(s.setting),
        s.found, s.needed])));
}

function rolloutSection() {
  const r = A.rollout, spread = (d) => [sec(d.mean), range(d.range, sec)];
  const rows = [];
  if (r.duration_s) rows.push(["until the Deployment is complete", ...spread(r.duration_s)]);
  if (r.last_pod_gone_s) rows.push(["until the last pod is gone", ...spread(r.last_pod_gone_s)]);
  if (r.progress_deadline_exceeded_s !== null) {
    rows.push(["progress deadline exceeded", sec(r.progress_deadline_exceeded_s),
      "in " + percent(r.progress_deadline_exceeded) + " of rollouts"]);
  }
  const phases = r.phases.map((p) => [p.name, sec(p.to_s - p.from_s), instant(p.to_s)]);
  return h("section", null, h("h2", null, "The rollout"), h("div", { class: "pair" },
    rows.length ? h("div", null, h("h3", null, "how long"),
      table("", ["", "#mean", "#95 % of rollouts"], rows)) : null,
    phases.length ? h("div", null, h("h3", null, "what the time goes into (the rollout drawn)"),
      table("", ["", "#takes", "#ends at"], phases)) : null));
}

// What autoscalers read and wrote, with a chart of the size and one of each metric.
function autoscalingSection() {
  const vertical = (A.vertical || []).map((a) => [
    h("h2", null, `Vertical autoscaler ${a.name} of ${a.target}`), h("p", null, a.sentences.join(" "))]);
  if (!(A.autoscaling || []).length) return vertical.length ? h("section", null, vertical) : null;
  const steps = (runs, of, colour, x, y) => {
    const points = runs.map((r) => [r.at_s, of(r)]).filter((p) => p[1] !== null);
    const d = points.map(([t, v], i) => (i ? `H${x(t).toFixed(1)}V` : `M${x(t).toFixed(1)} `)
      + y(v).toFixed(1)).join("");
    return s("path", { d, fill: "none", stroke: colour, "stroke-width": 2 });
  };
  const lines = (a, label, series) => {
    const [width, height] = [Math.min(main.clientWidth || 700, 900), 150];
    const times = a.runs.map((r) => r.at_s);
    const most = Math.max(1e-9, ...a.runs.flatMap((r) => series.map((l) => l.of(r) || 0))) * 1.1;
    const x = linear(times[0], times[times.length - 1] + 1, 40, width - 8);
    const y = linear(0, most, height - 22, 8);
    const svg = chart(width, height, label);
    ticks(times[0], times[times.length - 1], 8).forEach((t) => svg.append(
      s("text", { x: x(t), y: height - 6, class: "dim" }, t + " s")));
    ticks(0, most, 4).forEach((v) => svg.append(
      s("text", { x: 2, y: y(v) + 4, class: "dim" }, count(v))));
    series.forEach((l) => svg.append(steps(a.runs, l.of, l.colour, x, y)));
    const key = series.map((l) => h("span", { style: `color: ${l.colour}` }, "■ " + l.name + "  "));
    return [h("h3", null, label), h("p", { class: "note" }, key), svg];
  };
  const part = (a) => {
    if (!a.runs.length) return h("p", null, a.sentences.join(" "));
    const size = [{ name: "replicas", colour: "#0072b2", of: (r) => r.desired },
      { name: "asked for", colour: "#e69f00", of: (r) => r.recommended },
      { name: "ready pods", colour: "#009e73", of: (r) => r.ready }];
    const metric = (m, i) => lines(a, m.name, [
      { name: "as it was", colour: "#777", of: (r) => r.metrics[i].truth },
      { name: "as it was read", colour: "#d55e00", of: (r) => r.metrics[i].seen },
      { name: "held at", colour: "#cc79a7", of: () => m.target }]);
    const rows = a.runs.filter((r) => r.desired !== r.replicas).map((r) => [instant(r.at_s),
      `${r.replicas} → ${r.desired}`, r.recommended === null ? "–" : r.recommended, r.held_by,
      r.metrics.map((m) => (m.seen === null ? "–" : count(m.seen))).join(", ")]);
    return [h("p", null, a.sentences.join(" ")), lines(a, "replicas", size), a.metrics.map(metric),
      rows.length ? table("", ["#at", "#replicas", "#asked for", "held by", "#read"], rows) : null];
  };
  return h("section", { id: "autoscaling" }, A.autoscaling.map((a) => [
    h("h2", null, `Autoscaler ${a.name} of ${a.target}, in the rollout drawn`), part(a)]), vertical);
}

function listsSection() {
  return h("div", null, assumedTables(),
    A.not_modelled.length ? [h("h2", null, "In the input, not modelled"),
      h("ul", null, A.not_modelled.map((x) => h("li", null, h("code", null, x))))] : null,
    h("h2", null, "Settings used"), settingsTable(A.settings));
}

// On paper: what is assumed and set otherwise than in the first.
function otherLists() {
  const first = DATA.answers[0], text = (x) => JSON.stringify(x);
  const known = new Set(first.assumptions.concat(first.settings).map(text));
  const assumed = A.assumptions.filter((a) => !known.has(text(a)));
  const settings = A.settings.filter((x) => !known.has(text(x)));
  return h("div", null,
    assumed.length ? [h("h2", null, "Assumed otherwise than in A"),
      table("", ["entry", "value and why"], assumed.map((a) => [path(a.key), a.text]))] : null,
    settings.length ? [h("h2", null, "Set otherwise than in A"), settingsTable(settings)] : null);
}

// What decides most comes first. What several cards' entries have as their reason is said once.
function assumedTables() {
  if (!A.assumptions.length) return null;
  const parts = A.assumptions.map((a) => {
    const found = a.text.match(/^(.*?) \(card ([^:]*): (.*)\)$/s);
    return found ? { key: a.key, value: found[1], why: `card ${found[2]}: ${found[3]}` }
      : { key: a.key, value: a.text, why: "" };
  });
  const reasons = [...new Set(parts.map((p) => p.why))];
  const alone = (why) => why === "" || parts.filter((p) => p.why === why).length < 3;
  const influence = new Map(A.matters.weighed.map((w) => [w.key, w.influence]));
  const by = (p) => influence.get(p.key) || 0;
  const single = parts.filter((p) => alone(p.why)).sort((a, b) => by(b) - by(a));
  const rows = single.map((p) => [path(p.key), p.value + (p.why ? ` (${p.why})` : "")]);
  return h("details", { id: "assumed", open: printing },
    h("summary", null, `Assumed, not measured (${parts.length})`),
    rows.length ? table("", ["entry", "value and why"], rows) : null,
    ...reasons.filter((why) => !alone(why)).map((why) => h("p", { class: "assumed" },
      h("b", null, why + ". "), parts.filter((p) => p.why === why).flatMap((p, i) =>
        [i ? " · " : "", path(p.key), " " + p.value]))));
}

open(0);
if (TIMED.length) start();
draw();
onresize((all) => { if (all) draw(); else if (TIMED.length) drawTime(); });

selftest([
  ["a bar for each pod", () => {
    if (!T) return;
    expect("lanes", document.querySelectorAll("#lanes rect").length >= T.lanes.length);
    expect("axes", document.querySelectorAll("#lanes .group").length === drawn().length);
  }],
  ["the scrubber moves the instant", () => {
    if (!T) return;
    const scrub = document.getElementById("scrub");
    scrub.value = 900;
    scrub.dispatchEvent(new Event("input"));
    const t = look.from + 0.9 * (look.to - look.from);
    expect("now", Math.abs(look.now - t) < 1e-6);
    expect("readout", document.getElementById("readout").textContent.includes(instant(t)));
  }],
  ["the fleet says how many pods there are", () => {
    if (!T || !document.getElementById("fleet")) return;
    const art = document.querySelectorAll("#fleet svg");
    expect("a chart for each", art.length === drawn().length);
    expect("what is wanted", art[0].textContent.includes("wanted"));
    expect("layers", art[0].querySelectorAll("polygon").length > 0);
  }],
  ["the panes follow the instant", () => {
    if (!T || !LOG || SEVERAL) return;
    goTo(look.from);
    const before = document.getElementById("pane-shell").textContent;
    const lost = LOG.client.some((c) => c[2]);
    document.getElementById("next-loss").click();
    expect("the loss is shown", !lost || document.querySelector("#pane-client .bad"));
    goTo(look.to);
    const more = LOG.shell.some((line) => line[0] > look.from);
    expect("the shell went on", !more || document.getElementById("pane-shell").textContent !== before);
    expect("pods", document.getElementById("pane-pods").textContent.includes("Running"));
    expect("targets", document.getElementById("pane-targets").textContent.includes("TARGET"));
  }],
  ["play and pause", () => {
    if (!T || !LOG || SEVERAL) return;
    goTo(look.from);
    document.getElementById("play").click();
    expect("plays", play.on);
    tickOn(play.last + 1000);
    expect("a second at this speed", look.now >= look.from + play.speed - 0.01 || !play.on);
    if (play.on) document.getElementById("play").click();
    expect("stands", !play.on && document.getElementById("play").textContent === "play");
  }],
  ["a link leads to an instant and a pod", () => {
    if (!T) return;
    look.pod = T.lanes[0].pod;
    const [t, hash] = [look.now, link()];
    expect("names both", hash.includes("t=") && hash.includes("pod="));
    history.replaceState(null, "", hash);
    look.now = look.from;
    followLink();
    expect("the instant", Math.abs(look.now - t) < 0.01);
    expect("the pod", look.pod === T.lanes[0].pod);
    history.replaceState(null, "", "#selftest");
    drawTime();
    expect("marked", document.querySelector("#lanes text.asked"));
    look.pod = null;
  }],
  ["zoom halves the window and goes back", () => {
    if (!T) return;
    const before = look.to - look.from;
    document.getElementById("zoom-in").click();
    expect("in", Math.abs(look.to - look.from - before / 2) < 1e-6);
    document.getElementById("zoom-all").click();
    expect("all", Math.abs(look.to - look.from - before) < 1e-6);
  }],
  ["arrow keys move the instant", () => {
    if (!T) return;
    const before = look.now;
    document.getElementById("lanes").dispatchEvent(new KeyboardEvent("keydown",
      { key: "ArrowLeft" }));
    expect("moved", look.now < before);
  }],
  ["the pointer shows an instant and goes back", () => {
    if (!T) return;
    const now = look.now, text = document.getElementById("readout").textContent;
    hover(look.from);
    expect("a line", document.querySelector("svg .hover"));
    expect("its instant", document.getElementById("readout").textContent.includes(instant(look.from)));
    hover(null);
    expect("gone", !document.querySelector("svg .hover") && look.now === now);
    expect("as before", document.getElementById("readout").textContent === text);
  }],
  ["the filter leaves pods with losses", () => {
    if (!T) return;
    document.getElementById("lossy").click();
    expect("some hidden", shownLanes().every((l) => l.lost > 0 || l.wrong.length));
    const shown = each(() => shownLanes().length).reduce((a, b) => a + b, 0);
    expect("drawn", document.querySelectorAll("#lanes .lanes svg > text:not(.dim):not(.bad)").length
      <= shown + drawn().length);
    document.getElementById("lossy").click();
    expect("all back", shownLanes().length === T.lanes.length);
  }],
  ["every rollout is in the histogram", () => {
    const bars = document.querySelectorAll("#spread rect").length, columns = (A.lost.spread || []).length;
    expect("a bar a column", bars === (columns < 2 ? 0 : columns));
  }],
  ["pictures and tables are there to download", () => {
    const offered = document.querySelectorAll("#download option").length;
    const charts = document.querySelectorAll("section svg[role=img]");
    expect("the seconds and each chart", offered > charts.length);
    expect("a row a second", secondsTable().trim().split("\r\n").length === A.seconds.length + 1);
    if (!charts.length) return;
    const picture = new DOMParser().parseFromString(alone(charts[0]), "image/svg+xml");
    expect("a picture by itself", picture.documentElement.nodeName === "svg" && !picture.querySelector("parsererror"));
  }],
  ["a blame row opens its chain", () => {
    if (!A.blame.length) return;
    document.querySelector("button.why").click();
    expect("chain", document.querySelectorAll("ol.chain li").length === A.blame[0].chain.length);
    expect("expanded", document.querySelector("button.why").ariaExpanded === "true");
    const show = document.querySelector("tr.detail button");
    if (show) show.click();
  }],
  ["tabs switch the rollout", () => {
    if (!SEVERAL) return;
    document.getElementById("tab1").click();
    expect("second", look.answer === 1);
    document.getElementById("tab0").click();
  }],
  ["every difference is in the table", () => {
    if (!SEVERAL) return;
    const cells = document.querySelectorAll("#figures tbody td").length;
    expect("cells", cells === DATA.measures.length * (DATA.comparison.columns.length + 1));
    expect("best", document.querySelectorAll("#figures th.best").length === 1);
    expect("one legend", document.querySelectorAll("#rates .legend").length <= 1);
  }],
  ["paper has every rollout", () => {
    if (!SEVERAL) return;
    printing = true;
    draw();
    const shown = document.querySelectorAll("section.answer").length;
    printing = false;
    draw();
    expect("all", shown === DATA.answers.length);
    expect("one again", document.querySelectorAll("section.answer").length === 1);
  }],
  ["the lanes of all rollouts have one axis", () => {
    if (TIMED.length < 2) return;
    const cursors = () => [...document.querySelectorAll("#lanes svg .cursor")];
    const wanted = each(() => pieces(shownLanes()).length).reduce((a, b) => a + b, 0);
    expect("both", cursors().length === wanted && wanted >= TIMED.length);
    expect("same instant", new Set(cursors().map((c) => c.getAttribute("x1"))).size === 1);
    const rulers = [...document.querySelectorAll("#lanes .ruler")].map((r) =>
      [...r.querySelectorAll("text.dim")].map((t) => t.textContent + t.getAttribute("x")).join());
    expect("same axis", new Set(rulers).size === 1);
    document.getElementById("together").click();
    expect("one", document.querySelectorAll("#lanes .group").length === 1);
    document.getElementById("together").click();
  }],
]);
