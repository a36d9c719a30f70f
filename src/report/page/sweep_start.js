// Puts the page of a sweep together.

function redraw() {
  main.replaceChildren(header("sweep", S.name, S.verdict, false), ...sweepParts(), ...closing());
}
redraw();
onresize(redraw);
selftest(sweepChecks);
