// The unrolled timeline: forward above, left to right; at t=T it turns round; backward below, right to left.
function statusOf(events) {
  if (events.some((e) => e.check && !e.check.passed)) return "fail";
  if (events.every((e) => !e.check)) return "none";
  return events.every((e) => e.check) ? "pass" : "some";
}

const SIGNS = { pass: ["✓", "all checked, all pass"], some: ["✓", "those checked pass"], fail: ["✗", "a check fails"], none: ["○", "not checked"] };

function drawTimeline() {
  afresh("timeline", state.plant, buildTimeline);
  const current = now().segment;
  for (const button of $("timeline").querySelectorAll("[data-segment]")) {
    const k = Number(button.dataset.segment);
    button.classList.toggle("past", k < current);
    if ((k === current) === button.hasAttribute("aria-current")) continue;
    button.tabIndex = k === current ? 0 : -1;
    if (k === current) button.setAttribute("aria-current", "step");
    else button.removeAttribute("aria-current");
  }
  const button = $("timeline").querySelector("[aria-current]");
  const scroller = $("timeline").querySelector(".wide");
  const [left, right] = [button.offsetLeft - scroller.scrollLeft, button.offsetLeft + button.offsetWidth - scroller.scrollLeft];
  if (left < 96 || right > scroller.clientWidth) scroller.scrollLeft = button.offsetLeft - scroller.clientWidth / 2;
}

function buildTimeline() {
  const { segments } = shown();
  const rows = ["forward", "backward"].map((phase) => segments.map((one, k) => ({ ...one, k })).filter((one) => one.phase === phase));
  const columns = Math.max(rows[0].length, rows[1].length);
  const cell = (one, column, row) => {
    const status = statusOf(one.events);
    const label = one.t === null ? one.op : `t=${one.t}`;
    return (
      `<button style="grid-column:${column};grid-row:${row}" class="${one.phase}" data-go="${one.events[0].n}" data-segment="${one.k}" tabindex="-1" ` +
      `aria-label="${one.phase} ${escapeText(label)}, ${SIGNS[status][1]}">${escapeText(label)} <span class="sign ${status}" aria-hidden="true">${SIGNS[status][0]}</span></button>`
    );
  };
  const tracks = rows[0].map((one, k) => cell(one, k + 2, 1)).join("") + rows[1].map((one, k) => cell(one, columns + 1 - k, 2)).join("");
  $("timeline").innerHTML =
    `<div class="wide" tabindex="-1"><div class="track" style="grid-template-columns:auto repeat(${columns}, minmax(max-content, 1fr)) auto">` +
    `<span class="lane forward" style="grid-row:1">forward →</span><span class="lane backward" style="grid-row:2">← backward</span>${tracks}` +
    `<span class="turn" style="grid-row:1 / 3;grid-column:${columns + 2}" aria-hidden="true"><span>↩</span>${SIZES.T ? "t=T" : "turn"}</span></div></div>`;
}

function drawNodes() {
  const event = now();
  const { events } = shown().segments[event.segment];
  $("nodes").innerHTML = events
    .map(
      (e) =>
        `<button class="${e.phase}" data-go="${e.n}" tabindex="${e.n === event.n ? 0 : -1}"${e.n === event.n ? ' aria-current="true"' : ""}>${escapeText(e.node)} ${badge(e.check)}</button>`,
    )
    .join("");
}
