// The page of several rollouts beside each other: what differs, then each of them.

const C = DATA.comparison;
const LETTERS = "ABCDEF";

function comparisonPage() {
  const best = DATA.answers[C.best];
  return [header("comparison", C.name, C.verdict, bad(best)), headOfAll(), shareSection(), figuresSection(),
    settingsSection(), commandSection(),
    look.together && T ? fleetSection() : null, look.together && T ? timelineSection() : null,
    ...(printing ? DATA.answers.map((_, i) => oneAnswer(i)) : [oneAnswer(look.answer)]),
    footer(DATA.signature)];
}

// One of them in full. Paper has all, and no tabs to choose by.
function oneAnswer(index) {
  open(index);
  const name = `${LETTERS[index]}  ${A.name}`;
  return h("section", { class: "answer" }, h("h2", { class: "part" }, printing ? name : "Each by itself"),
    printing ? null : tabs(),
    h("p", { class: "verdict" + (bad(A) ? " lossy" : "") }, A.verdict), headLine(A),
    answerSections(!look.together, printing && index > 0 ? otherLists() : listsSection()));
}

// What all have in common, and what each is called.
function headOfAll() {
  const common = C.head.map((r) => r.value + (r.given ? "" : " (assumed)")).join(" · ");
  return h("div", null, h("p", { class: "note", id: "head" }, common),
    h("ol", { class: "columns" }, C.columns.map((c, i) => h("li", null,
      h("b", null, LETTERS[i]), " ", h("span", null, c.title),
      i === C.best ? h("span", { class: "tag" }, "best") : null,
      c.about ? h("span", { class: "dim" }, " " + c.about) : null))));
}

// ---- figures and their differences ----

function change(m, d) {
  const size = Math.abs(d.mean), sign = d.mean < 0 ? "−" : "+";
  const text = m.unit === "share" ? count(100 * size) + " points" : m.unit === "s" ? sec(size)
    : count(size);
  return (parseFloat(text) === 0 && !text.startsWith("<") ? "" : sign) + text;
}
function reach(m, d) {
  const half = Math.max(d.interval[1] - d.mean, d.mean - d.interval[0]);
  const text = count((m.unit === "share" ? 100 : 1) * half);
  return text === "0" || text === "<0.01" ? "" : " ±" + text;
}
function differenceCell(m, d) {
  if (!d) return null;
  if (d.told === "same") return h("span", { class: "diff same" }, "same");
  const better = d.mean < 0 === m.less, differs = d.told === "differs";
  const words = differs ? (better ? "better" : "worse") : "may be chance";
  const told = `${d.less} of the rollouts have less, ${d.equal} as much, ${d.more} more`;
  return h("span", { class: "diff " + (differs ? words : "chance"), title: told },
    change(m, d) + reach(m, d), h("small", null, " " + words));
}

function figuresSection() {
  const heads = [h("td"), ...C.columns.map((c, i) => h("th", { scope: "col",
    class: i === C.best ? "best" : null }, h("b", null, LETTERS[i]),
  h("small", null, breakable(c.title))))];
  const cell = (m, c, i) => {
    const f = c[m.key], value = f.mean === null ? (m.key === "complete_s" ? "no end" : "–")
      : figure(f.mean, m.unit);
    const spread = f.range && m.unit !== "share" && range(f.range, m.unit === "s" ? sec : count);
    return h("td", { "data-h": LETTERS[i], class: i === C.best ? "best" : null },
      h("b", null, value), spread && spread !== value
        ? h("small", { class: "spread", title: "95 % of single rollouts lie within" }, " " + spread) : null,
      differenceCell(m, f.difference));
  };
  return h("section", null, h("h2", null, "What differs in what happens"),
    h("p", { class: "note" }, "The mean over all rollouts, small where 95 % of single ones lie; below it "
      + "the difference to A on the same luck, with its 95 % interval."),
    h("div", { class: "scroll" }, h("table", { id: "figures", class: "stack" },
      h("thead", null, h("tr", null, heads)),
      h("tbody", null, DATA.measures.map((m) => h("tr", null, h("td", { class: "what" }, m.title),
        C.columns.map((c, i) => cell(m, c, i))))))));
}

function settingsSection() {
  const rows = C.settings.map((x) => [path(x.path), ...x.values.map((v) => v === null ? "–" : v)]);
  return h("section", { id: "differs" }, h("h2", null, "What differs in the inputs"),
    rows.length ? table("", ["setting", ...C.columns.map((_, i) => LETTERS[i])], rows)
      : h("p", null, "No setting: the inputs say the same."));
}

function commandSection() {
  const best = C.columns[C.best];
  return h("section", null, h("h2", null, `The best: ${LETTERS[C.best]}  ${best.title}`),
    command(best.command));
}

function tabs() {
  const choose = (i) => { open(i); draw(); document.getElementById("tab" + i).focus(); };
  const step = (i) => (e) => {
    const n = DATA.answers.length;
    if (e.key === "ArrowRight") choose((i + 1) % n);
    if (e.key === "ArrowLeft") choose((i + n - 1) % n);
  };
  return h("div", { class: "tools", role: "tablist", "aria-label": "which rollout to show" },
    DATA.answers.map((a, i) => h("button", { role: "tab", id: "tab" + i, onclick: () => choose(i),
      "aria-selected": String(i === look.answer), tabindex: i === look.answer ? 0 : -1,
      onkeydown: step(i) }, LETTERS[i] + "  " + a.name)));
}
