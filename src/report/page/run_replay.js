// The page of a rollout, continued: pods by state over time, the four panes, links to an instant.

// ---- the fleet ----

const FLEET = [["starting", "starting"], ["leaving", "stopping, or no longer serving"],
  ["wrong", "routed to, does not serve"]];

// How many pods are in each state from each instant on, as stacked series, the serving versions first.
function fleet() {
  const times = [...new Set([T.start_s, T.end_s, ...T.lanes.flatMap((l) => [...l.truth, ...l.wrong])
    .flatMap((x) => [x.from_s, x.to_s])])].sort((a, b) => a - b);
  // Two instants a pixel are enough.
  const step = (look.to - look.from) / 1600;
  const kept = times.filter((t, i) => i === 0 || t - times[i - 1] > step || i === times.length - 1);
  return kept.map((t) => {
    const row = { t, serving: T.versions.map(() => 0), starting: 0, leaving: 0, wrong: 0 };
    for (const l of T.lanes) {
      const x = at(l.truth, t);
      if (at(l.wrong, t)) row.wrong++;
      else if (!x) continue;
      else if (x.state === "serving") row.serving[l.version]++;
      else if (x.state === "starting") row.starting++;
      else row.leaving++;
    }
    return row;
  });
}

function fleetSection() {
  return h("section", { "aria-labelledby": "h-fleet" },
    h("h2", { id: "h-fleet" }, "Pods by state"),
    h("div", { id: "fleet" }), h("div", { id: "fleet-legend" }));
}

function drawFleet() {
  const place = document.getElementById("fleet");
  if (!place) return;
  const several = drawn().length > 1;
  place.replaceChildren(...each(() => h("div", null, several ? h("h3", null, A.name) : null, fleetArt(frame()))));
  const versions = each(() => T.versions).sort((a, b) => b.length - a.length)[0];
  const box = (paint, kind) => (svg) => {
    svg.append(s("rect", { y: 1, width: 22, height: 10, fill: paint }));
    if (kind) svg.append(s("rect", { y: 1, width: 22, height: 10, fill: hatch(svg, ...kind) }));
  };
  const items = versions.map((v, i) => [box(colour(i)), "serving, " + v]);
  items.push([box("var(--track)", ["var(--idle)", "dots"]), FLEET[0][1]],
    [box("var(--track)", ["var(--idle)", "back"]), FLEET[1][1]],
    [box("var(--bad-soft)", ["var(--bad)", "cross"]), FLEET[2][1]]);
  document.getElementById("fleet-legend").replaceChildren(legend(items));
}

function fleetArt(f) {
  const rows = fleet(), height = 120, base = height - 18;
  const sum = (r) => r.serving.reduce((a, b) => a + b, 0) + r.starting + r.leaving + r.wrong;
  const wanted = A.rollout.desired, most = Math.max(1, wanted, ...rows.map(sum));
  const y = linear(0, most * 1.08, base, 8);
  const svg = chart(f.w, height, `pods by state over time; at most ${most}, ${wanted} wanted`);
  axes(svg, { l: f.l, r: f.r, t: 8, b: base }, { at: f.x, ticks: [] },
    { at: y, ticks: ticks(0, most, 3).filter((n) => n === Math.round(n)) });
  const clip = "c" + ++serial;
  svg.append(s("defs", null, s("clipPath", { id: clip },
    s("rect", { x: f.l, y: 0, width: f.r - f.l, height }))));
  const art = s("g", { "clip-path": `url(#${clip})` });
  const layers = [...T.versions.map((v, i) => [(r) => r.serving[i], colour(i), null]),
    [(r) => r.starting, "var(--track)", ["var(--idle)", "dots"]],
    [(r) => r.leaving, "var(--track)", ["var(--idle)", "back"]],
    [(r) => r.wrong, "var(--bad-soft)", ["var(--bad)", "cross"]]];
  const below = rows.map(() => 0);
  for (const [of, paint, kind] of layers) {
    const top = rows.map((r, i) => below[i] + of(r));
    if (top.some((n, i) => n > below[i])) {
      const up = [], down = [];
      rows.forEach((r, i) => {
        const end = i + 1 < rows.length ? rows[i + 1].t : T.end_s;
        up.push(`${f.x(r.t).toFixed(1)},${y(top[i]).toFixed(1)} ${f.x(end).toFixed(1)},${y(top[i]).toFixed(1)}`);
        down.unshift(`${f.x(end).toFixed(1)},${y(below[i]).toFixed(1)} ${f.x(r.t).toFixed(1)},${y(below[i]).toFixed(1)}`);
      });
      const points = up.concat(down).join(" ");
      art.append(s("polygon", { points, fill: paint }));
      if (kind) art.append(s("polygon", { points, fill: hatch(svg, ...kind) }));
    }
    top.forEach((n, i) => { below[i] = n; });
  }
  const line = y(wanted);
  art.append(s("line", { class: "zero", x1: f.l, x2: f.r, y1: line, y2: line },
    title(`${wanted} wanted`)));
  svg.append(art, s("text", { class: "dim", x: f.r + 4, y: line + 4 }, f.narrow || wanted > 9 ? String(wanted) : `${wanted} wanted`,
    title(`${wanted} wanted`)));
  const serving = (r) => r.serving.reduce((a, b) => a + b, 0);
  const seen = rows.filter((r) => r.t >= look.from && r.t < Math.min(look.to, T.end_s));
  const lowest = seen.reduce((low, r) => (serving(r) < serving(low) ? r : low), seen[0] || rows[0]);
  if (serving(lowest) < wanted) {
    const x = Math.min(Math.max(f.x(lowest.t), f.l), f.r);
    svg.append(s("path", { d: `M${x - 4},${y(serving(lowest)) - 7} h8 l-4,7 z`, fill: "var(--bad)" },
      title(`fewest serve at ${instant(lowest.t)}`)),
    s("text", { class: "bad", x: Math.min(x + 8, f.r - 90), y: Math.max(18, y(serving(lowest)) - 9) },
      `only ${serving(lowest)} serve`));
  }
  svg.append(s("line", { class: "cursor", y1: 4, y2: base }));
  pointer(svg, f);
  return svg;
}

// ---- four panes ----

const LOG = DATA.log || null;
const clock = (t) => { const ms = Math.round(Math.abs(t) * 1000), two = (n) => String(n).padStart(2, "0");
  return (t < 0 && ms ? "-" : "") + two(Math.floor(ms / 60000)) + ":" + two(Math.floor(ms / 1000) % 60) + "."
    + String(ms % 1000).padStart(3, "0"); };
const age = (t) => { const n = Math.max(0, Math.floor(t));
  return n < 120 ? n + "s" : n < 600 ? Math.floor(n / 60) + "m" + (n % 60 ? (n % 60) + "s" : "")
    : n < 10800 ? Math.floor(n / 60) + "m" : Math.floor(n / 3600) + "h"; };
// How many of a list, sorted by time, have come.
function come(list, t) {
  let low = 0, high = list.length;
  while (low < high) {
    const middle = (low + high) >> 1;
    if (list[middle][0] <= t) low = middle + 1;
    else high = middle;
  }
  return low;
}

function replaySection() {
  if (!LOG || SEVERAL) return null;
  const pane = (id, name) => h("div", { class: "pane" }, h("h3", null, name),
    h("pre", { id: "pane-" + id, tabindex: 0 }));
  const speed = picker("speed", ["1x", "5x", "20x"], 1, (i) => { play.speed = [1, 5, 20][i]; });
  return h("section", { id: "replay", "aria-labelledby": "h-replay" },
    h("h2", { id: "h-replay" }, "In motion: one rollout in four panes"),
    h("div", { class: "tools" },
      h("button", { id: "play", onclick: toggle, "aria-pressed": "false" }, "play"), speed,
      h("button", { id: "next-loss", onclick: nextLoss }, "next loss"),
      h("span", { id: "clock", class: "dim" })),
    h("div", { class: "panes" }, pane("client", "client"), pane("shell", "kubectl"),
      pane("pods", "kubectl get pods"), pane("targets", LOG.title)));
}

const play = { on: false, speed: 5, last: 0 };
function toggle() {
  play.on = !play.on;
  play.last = performance.now();
  const button = document.getElementById("play");
  button.textContent = play.on ? "pause" : "play";
  button.setAttribute("aria-pressed", String(play.on));
  if (play.on && look.now >= look.to - 0.01) look.now = look.from;
  if (play.on) requestAnimationFrame(tickOn);
}
function tickOn(now) {
  if (!play.on) return;
  goTo(look.now + ((now - play.last) / 1000) * play.speed);
  play.last = now;
  if (look.now >= look.to - 0.001) toggle();
  else requestAnimationFrame(tickOn);
}
function goTo(t) {
  look.now = Math.min(Math.max(t, look.from), look.to);
  drawCursor();
}
function nextLoss() {
  const next = LOG.client.slice(come(LOG.client, look.now)).find((c) => c[2]);
  if (next) goTo(next[0]);
}

const ROWS = 10;
function drawPanes() {
  if (!LOG || !document.getElementById("replay")) return;
  const t = look.now, last = (list, n) => { const end = come(list, t); return list.slice(Math.max(0, end - n), end); };
  const put = (id, lines) => {
    const pane = document.getElementById("pane-" + id);
    pane.replaceChildren(...lines.map(([text, tone]) => h("span", { class: tone || null }, text + "\n")));
    pane.scrollTop = id === "client" || id === "shell" ? pane.scrollHeight : 0;
  };
  document.getElementById("clock").textContent = clock(t);
  put("client", last(LOG.client, ROWS).map((c) => [c[1], c[2] ? "bad" : ""]));
  put("shell", last(LOG.shell, ROWS).map((c) => [(c[2] ? "$ " : "") + c[1], c[2] ? "strong" : ""]));
  const pods = new Map();
  for (const p of LOG.pods.slice(0, come(LOG.pods, t))) {
    if (p[6]) pods.delete(p[1]); else pods.set(p[1], p);
  }
  const cells = [["NAME", "READY", "STATUS", "RESTARTS", "AGE"], ...[...pods.values()]
    .sort((a, b) => a[1].length - b[1].length || (a[1] < b[1] ? -1 : 1))
    .map((p) => [p[1], p[2], p[3], String(p[4]), age(t - p[5])])];
  put("pods", columns_(cells).map((text, i) => [text, i === 0 ? "dim" : podTone(cells[i])]));
  const states = new Map();
  for (const x of LOG.targets.slice(0, come(LOG.targets, t))) {
    if (x[2] === null) states.delete(x[1]); else states.set(x[1], x[2]);
  }
  const rows = [["TARGET", "STATE"], ...states];
  const tone = (state) => ({ healthy: "good", ready: "good", unhealthy: "bad", "not ready": "bad" }[state] || "");
  put("targets", columns_(rows).map((text, i) => [text, i === 0 ? "dim" : tone(rows[i][1])]));
}
const podTone = (c) => (["Error", "CrashLoopBackOff"].includes(c[2]) ? "bad"
  : c[2] === "Running" && c[1].split("/")[0] === c[1].split("/")[1] ? "good" : "");
function columns_(rows) {
  const wide = rows[0].map((_, i) => Math.max(...rows.map((r) => r[i].length)));
  return rows.map((r) => r.map((c, i) => c.padEnd(wide[i] + 3)).join("").trimEnd());
}

// ---- links, copies, paper ----

// #t=15.9&pod=web-2 leads to an instant and a pod.
function followLink() {
  const asked = new URLSearchParams(location.hash.slice(1));
  const t = parseFloat(asked.get("t"));
  if (T && Number.isFinite(t)) {
    look.now = Math.min(Math.max(t, ENDS[0]), ENDS[1]);
    if (look.now < look.from || look.now > look.to) [look.from, look.to] = ENDS;
  }
  look.pod = asked.get("pod");
}
const link = () => "#t=" + trim(look.now.toFixed(2)) + (look.pod ? "&pod=" + encodeURIComponent(look.pod) : "");

function shareSection() {
  const say = (button, text) => { button.textContent = text; };
  const copy = (text, done) => {
    const area = h("textarea", { class: "copied", readonly: true }, text);
    document.getElementById("share").append(area);
    area.select();
    if (navigator.clipboard) navigator.clipboard.writeText(text).then(() => { done(); area.remove(); }, () => {});
  };
  const buttons = [h("button", { id: "copy-link", onclick: (e) => {
    history.replaceState(null, "", link());
    copy(location.href, () => say(e.target, "link copied"));
  } }, "link to this instant")];
  if (DATA.markdown && !SEVERAL) {
    buttons.push(h("button", { id: "copy-markdown", onclick: (e) => copy(DATA.markdown,
      () => say(e.target, "copied")) }, "copy as Markdown"));
  }
  const select = h("select", { id: "download", "aria-label": "download", onchange: (e) => {
    const chosen = Number(e.target.value) - 1;
    e.target.value = 0;
    downloads()[chosen][1]();
  } });
  return h("div", { class: "tools screen", id: "share" }, buttons, select);
}

// What the page has as files: the requests of each second, and its charts.
function downloads() {
  const charts = [...document.querySelectorAll("section svg[role=img]")];
  const named = (svg) => [svg.getAttribute("aria-label").split(/[;:(]/)[0].trim() + " (SVG)",
    () => save("rollsim.svg", "image/svg+xml", alone(svg))];
  return [["requests by second (CSV)", () => save("rollsim.csv", "text/csv", secondsTable())], ...charts.map(named)];
}

function offerDownloads() {
  const select = document.getElementById("download");
  if (!select) return;
  select.replaceChildren(...["download …", ...downloads().map((d) => d[0])].map((text, i) =>
    h("option", { value: i }, text)));
}

function save(name, type, text) {
  const link = h("a", { href: URL.createObjectURL(new Blob([text], { type })), download: name });
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 1000);
}

function secondsTable() {
  const quote = (text) => (/[",]/.test(text) ? `"${text.replace(/"/g, '""')}"` : text);
  const series = [...answered(), ...failed()];
  const rows = A.seconds.map((x) => [x.second, ...series.map((k) => k.of(x))].join(","));
  return [["second", ...series.map((k) => quote(k.name))].join(","), ...rows].join("\r\n") + "\r\n";
}

// A chart that stands by itself: what the page's styles say is written into it.
function alone(svg) {
  const copy = svg.cloneNode(true), said = ["fill", "stroke", "stroke-width", "stroke-dasharray", "opacity",
    "font-size", "font-family", "font-weight", "text-anchor"];
  const [from, to] = [svg, copy].map((x) => [x, ...x.querySelectorAll("*")]);
  from.forEach((node, i) => {
    const style = getComputedStyle(node);
    to[i].setAttribute("style", said.map((name) => `${name}:${style.getPropertyValue(name)}`).join(";"));
  });
  copy.setAttribute("xmlns", SVG);
  copy.style.background = getComputedStyle(document.body).backgroundColor;
  return copy.outerHTML;
}

// What a sheet of paper has to say of itself.
const paperBlock = () => h("p", { class: "paper" }, DATA.signatures[look.answer]);
