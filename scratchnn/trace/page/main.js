// Draw everything for the current state; begin where the address says.
function drawHeader() {
  const sizes = Object.entries(SIZES).map(([name, size]) => `${name}=${size}`).join(", ");
  const run = shown();
  const checked = run.events.filter((e) => e.check).length;
  const failed = run.failed().length;
  $("about").textContent = `${sizes}, seed ${run.seed}; ${run.events.length} equations`;
  $("summary").className = failed ? "fail" : "pass";
  $("summary").textContent = !checked ? "○ nothing checked yet" : failed ? `✗ ${failed} of ${checked} checks fail` : `✓ all ${checked} checks pass`;
}

/** Give the focus back to what took the place of the element that had it. */
function keepingFocus(work) {
  const had = document.activeElement;
  const room = had?.closest?.("section")?.id;
  const mark = ["data-go", "data-flat", "data-diverge", "data-query"].find((one) => had?.hasAttribute?.(one));
  work();
  if (!room || !mark || document.contains(had)) return;
  const found = [...$(room).querySelectorAll(`[${mark}]`)];
  const same = found.find((one) => one.getAttribute(mark) === had.getAttribute(mark) && one.dataset.source === had.dataset.source);
  (same || $(room).querySelector("[tabindex='0']") || $("next")).focus({ preventScroll: true });
}

function draw() {
  keepingFocus(() => {
    drawHeader();
    drawTimeline();
    drawNodes();
    drawMicroscope();
    drawEquation();
    drawCompare();
    drawValue();
    drawCheck();
    drawInputs();
    drawAddends();
    drawAttention();
    drawShares();
    drawFlow();
    drawGradients();
  });
  $("unit").value = state.unit;
  $("batch").value = state.batch;
  $("plant").value = state.plant;
  $("previous").disabled = $("first").disabled = state.n === 0;
  $("next").disabled = $("last").disabled = state.n === shown().events.length - 1;
  writeAddress();
}

function begin() {
  document.documentElement.classList.add("live");
  $("app").hidden = false;
  $("unit").max = WIDTH - 1;
  $("batch").max = (SIZES.B || 1) - 1;
  $("batch-label").hidden = (SIZES.B || 1) < 2;
  $("plant-label").hidden = !WRONG.length;
  $("plant").innerHTML = `<option value="-1">none: the right run</option>${WRONG.map((run, k) => `<option value="${k}">${escapeText(run.planted.title || run.planted.id)}</option>`).join("")}`;
  listen();
  readAddress();
  draw();
}

begin();
