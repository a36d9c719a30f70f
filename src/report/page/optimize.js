// The page of a search: the recommendation first, then everything that was tried.

const O = DATA.optimize;

function recommendation() {
  const code = (t) => h("code", null, t);
  const changes = O.changes.map((c) => [code(c.path), c.from, h("b", null, c.to)]);
  const interval = (f, u) => figure(f.mean, u) + (f.low === f.high ? ""
    : ` (${range([f.low, f.high], (v) => figure(v, u))})`);
  const figures = O.figures.map((f) => [f.label, interval(f.before, f.unit),
    interval(f.after, f.unit)]);
  const binding = O.binding.map((b) => [code(b.setting), b.value, b.price]);
  return h("section", null, h("p", { class: "note" }, "Asked for: " + O.goal),
    h("div", { class: "pair" },
      h("div", null, h("h2", null, "Change"), changes.length
        ? table("", ["setting", "from", "to"], changes) : h("p", null, "Nothing.")),
      h("div", null, h("h2", null, "What it does"),
        table("", ["", "before", "after"], figures))),
    binding.length ? [h("h2", null, "What holds it back, and the price"),
      table("", ["setting", "value", "price"], binding)] : null,
    O.patch ? [h("h2", null, "The patch"), h("pre", { id: "patch" }, O.patch),
      command(O.patch_command)] : null,
    h("p", { class: "note" }, O.confirmation));
}

function redraw() {
  main.replaceChildren(header("search for settings", S.name, O.verdict, !O.met), recommendation(),
    h("h2", null, `All ${group(DATA.all_points)} points that were tried`), ...sweepParts(),
    ...closing());
}
redraw();
onresize(redraw);
selftest([["the patch is there", () => {
  if (O.patch) expect("patch", document.getElementById("patch").textContent === O.patch);
}], ...sweepChecks]);
