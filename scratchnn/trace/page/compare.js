// Right and wrong side by side, and the first node where they part.
const SAME = 1e-10; // of the largest entry: rounding stays far below

function differs(wrong, right) {
  if (!right || !wrong) return Boolean(right) !== Boolean(wrong);
  const scale = right.data.reduce((a, x) => Math.max(a, Math.abs(x) || 0), 0) || 1;
  return !(largestDifference(wrong, right) <= SAME * scale);
}

function counterpartIn(run, event) {
  return run.byKey.get(event.key) || null;
}

/** The first event whose value is not the right run's. */
function firstDivergence(run) {
  run.divergence ??= run.events.find((event) => {
    const twin = counterpartIn(RIGHT, event);
    return !twin || differs(run.value(event), RIGHT.value(twin));
  }) ?? null;
  return run.divergence;
}

function plantBug(k) {
  const { key, n } = now();
  state.plant = k;
  const same = shown().byKey.get(key);
  state.n = same ? same.n : Math.min(n, shown().events.length - 1);
}

function goToDivergence() {
  if (state.plant < 0) return say("No bug is planted: choose one first.");
  const event = firstDivergence(shown());
  if (event) go(event.n);
  else say("Right and wrong are equal in every recorded value.");
}

function drawCompare() {
  $("compare").hidden = state.plant < 0;
  if (state.plant < 0) return;
  const { planted } = shown();
  const event = now();
  const twin = counterpartIn(RIGHT, event);
  const [wrong, right] = [shown().value(event), twin && RIGHT.value(twin)];
  const flat = wrong ? entryNow(wrong) : 0;
  const apart = differs(wrong, right);
  const at = firstDivergence(shown());
  const both = right && wrong && right.data.length === wrong.data.length;
  $("compare").innerHTML =
    `<h2>Right and wrong side by side</h2><p><strong>${escapeText(planted.title || planted.id)}</strong>. ${escapeText(planted.meaning || "")}</p>` +
    (planted.question ? `<p class="question">${escapeText(planted.question)}</p>` : "") +
    `<div class="pair"><div><h3>Right</h3><pre tabindex="0">${escapeText(planted.right || "")}</pre><p>${escapeText(event.node)}${both ? `${indexText(flat, right.shape)} = <span id="right-entry">${number(right.data[flat])}</span><br>norm ${number(norm(right))}` : ": not computed"}</p></div>` +
    `<div><h3>Wrong</h3><pre tabindex="0">${escapeText(planted.wrong || "")}</pre><p>${escapeText(event.node)}${wrong ? `${indexText(flat, wrong.shape)} = <span id="wrong-entry">${number(wrong.data[flat])}</span><br>norm ${number(norm(wrong))}` : ": not computed"}</p></div></div>` +
    `<p id="apart" class="verdict ${apart ? "fail" : "pass"}">${apart ? "✗ They differ here" : "✓ Equal here"}${both && apart ? `, by at most ${number(largestDifference(wrong, right))}` : ""}</p>` +
    (at ? `<p><button class="main" id="diverge" data-diverge>Go to the first node that diverges: ${escapeText(at.node)}${at.t === null ? "" : `, t=${at.t}`}</button></p>` : "<p>They are equal everywhere.</p>");
}
