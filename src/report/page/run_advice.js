// The page of a rollout, continued: what to change, what takes the time, which guess matters.

function fixSection() {
  if (!A.tried) return null;
  const wanted = A.worth_changing && A.blame.length;
  if (!A.fixes.length && !A.later) {
    return wanted ? h("section", { id: "fix" }, h("h2", null, "What to change first"),
      h("p", null, "No setting was found that loses less.")) : null;
  }
  const r = A.rollout, time = (s) => (s === null ? "–" : sec(s)), mean = (f) => f && f.mean;
  const row = (name, lost, takes, gone, pods) =>
    [name, count(lost), time(takes), time(gone), String(pods)];
  const of = (name, f) => row(name, f.lost.mean, f.complete_s, f.last_pod_gone_s, f.peak_pods);
  const rows = [row(A.later ? "this rollout" : "today", A.lost.total.mean,
    mean(r.duration_s) ?? null, mean(r.last_pod_gone_s) ?? null, count(r.peak_pods.range[1]))];
  if (A.later) rows.push(of("every later one", A.later));
  A.fixes.forEach((f, i) => {
    const before = i ? A.fixes[i - 1].change : [];
    const added = f.change.filter((c) => !before.includes(c));
    rows.push(of(path(`${i + 1}. ${i ? "and " : ""}${added.join(", ")}`), f));
  });
  A.also.forEach((f) => rows.push(of(path(`alone: ${f.change.join(", ")}`), f)));
  const last = A.fixes[A.fixes.length - 1];
  return h("section", { id: "fix" }, h("h2", null, "What to change first"),
    h("p", { class: "note" }, A.later ? "Tried on the rollouts after this one, on the same luck."
      : "Each change was run on the same luck before it is named."),
    h("div", { class: "scroll" }, table("", ["", "#lost", "#complete", "#last pod gone", "#pods"], rows)),
    last ? fixHow(last) : null);
}

// What a change leaves, costs and looks like.
function fixHow(f) {
  const sign = (x) => (x < 0 ? "−" : "+"), much = Math.abs(f.more_pods);
  const costs = [
    f.more_s === null || Math.abs(f.more_s) < 0.05 ? "" : sign(f.more_s) + sec(Math.abs(f.more_s)),
    much ? `${sign(f.more_pods)}${much} ${much === 1 ? "pod" : "pods"} at the peak` : "",
  ].filter(Boolean).join(", ") || "nothing";
  return h("div", null,
    h("p", null, `It leaves ${count(f.lost.mean)} (${range(f.lost.range)} in 95 % of rollouts)`
      + ` and costs ${costs}.`,
    f.enough ? "" : " No setting was found that removes the rest.",
    f.bringing === null ? "" : ` The rollout that brings it still loses ${count(f.bringing)} once:`
      + " the pods before it have not got it."),
    h("pre", { class: "command" }, f.command),
    f.patch ? h("pre", { class: "patch" }, f.patch) : null,
    f.elsewhere.length ? h("p", { class: "note" }, "In no manifest: " + f.elsewhere.join(", ")) : null);
}

function timeSection() {
  if (!A.durations.length) return null;
  return h("section", { id: "durations" }, h("h2", null, "Why it takes so long"),
    h("p", { class: "note" }, "The same rollouts, each time without one of these."),
    h("div", { class: "scroll" }, table("", ["", "found", "tried", "#saves", "#lost then"],
      A.durations.map((d) => [d.what, d.found, path(d.change.join(", ")), sec(d.saves_s),
        count(d.lost)]))));
}

function matterSection() {
  const m = A.matters, shown = m.weighed.filter((w) => w.influence >= 0.05);
  if (!shown.length) return null;
  const other = (o) => (o ? `${o.value}: ${count(o.lost)} lost`
    + (o.incomplete > 0 ? ", does not reach its end" : o.takes_s === null ? "" : ", " + sec(o.takes_s))
    : "–");
  return h("section", { id: "matters" }, h("h2", null, "Which guess matters most"),
    h("p", { class: "note" }, "Each was made three times as large and a third as large, on the same luck."),
    h("div", { class: "scroll" }, table("", ["assumed", "as it is", "three times", "a third", "say better"],
      shown.map((w) => [path(w.key), w.value, other(w.more), other(w.less), path(w.give)]))),
    h("p", { class: "note" }, `${m.little} others change it by less than 5 %.`));
}
