// Keyboard, mouse, search: all ways from one event to another.
function go(n) {
  state.n = clamp(n, shown().events.length);
  state.picked = null;
  say("");
  draw();
}

/** The first event of the time step before or after; at the turn it goes on in the other phase. */
function goSegment(by) {
  const { segments } = shown();
  const k = now().segment;
  const inside = segments[k].events[0].n !== state.n;
  go(segments[clamp(by < 0 && inside ? k : k + by, segments.length)].events[0].n);
}

function setUnit(k) {
  state.unit = clamp(k, WIDTH);
  state.picked = null;
  draw();
}

function moveInGrid(cell, key) {
  const array = shown().value(now());
  const width = array.shape.at(-1) || 1;
  const by = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: width, ArrowUp: -width }[key];
  const flat = Number(cell.dataset.flat) + by;
  if (flat < 0 || flat >= sizeOf(array)) return;
  pick(flat);
  draw();
  $("grid").querySelector(`[data-flat="${flat}"]`).focus();
}

const KEYS = {
  ArrowRight: () => go(state.n + 1),
  ArrowLeft: () => go(state.n - 1),
  PageDown: () => goSegment(1),
  PageUp: () => goSegment(-1),
  Home: () => go(0),
  End: () => go(shown().events.length - 1),
  "]": () => setUnit(state.unit + 1),
  "[": () => setUnit(state.unit - 1),
  b: () => {
    const other = shown().counterpart(now());
    if (other) go(other.n);
    else say("This node has no counterpart in the other phase.");
  },
  x: goToDivergence,
  "/": () => $("search").focus(),
  "?": () => $("help").showModal(),
};

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || $("help").open) return;
  const cell = event.target.closest?.(".cell");
  if (cell && /^Arrow/.test(event.key)) {
    event.preventDefault();
    moveInGrid(cell, event.key);
    return;
  }
  if (event.target.matches?.("input, select, textarea")) {
    if (event.key === "Escape") event.target.blur();
    return;
  }
  const box = event.target.closest?.('g[role="button"]');
  if (box && (event.key === "Enter" || event.key === " ")) {
    event.preventDefault();
    go(Number(box.dataset.go));
    return;
  }
  if (event.target.closest?.(".wide") === event.target && /^Arrow/.test(event.key) && event.target.scrollWidth > event.target.clientWidth) return;
  if (KEYS[event.key]) {
    event.preventDefault();
    KEYS[event.key]();
  }
}

function onClick(event) {
  const cell = event.target.closest("[data-flat]");
  const heat = event.target.closest("[data-query]");
  const link = event.target.closest("[data-go]");
  if (cell) {
    pick(Number(cell.dataset.flat));
    draw();
  } else if (heat) {
    [state.row, state.source, state.picked] = [Number(heat.dataset.query), Number(heat.dataset.source), null];
    draw();
  } else if (link) {
    go(Number(link.dataset.go));
  } else if (event.target.closest("[data-diverge]")) {
    goToDivergence();
  }
}

/** Search as you type; Enter goes to the first, then to the next. */
function search(enter) {
  const text = $("search").value;
  const found = shown().search(text);
  if (!text.trim()) {
    $("found").textContent = "";
    return;
  }
  if (enter && found.length) go((found.find((e) => e.n > state.n) || found[0]).n);
  const place = found.findIndex((e) => e.n === state.n) + 1;
  $("found").textContent = found.length ? (place ? `${place} of ${found.length}` : `${found.length} found; Enter goes there`) : `nothing called ${text.trim()}`;
}

function showReading(event) {
  const held = event.target.closest?.("[data-full]");
  $("readout").textContent = held ? `${held.dataset.node ? `${held.dataset.node} = ` : ""}${held.dataset.full}` : "";
}

function listen() {
  const click = (id, what) => $(id).addEventListener("click", what);
  click("first", KEYS.Home);
  click("last", KEYS.End);
  click("next", KEYS.ArrowRight);
  click("previous", KEYS.ArrowLeft);
  click("step-on", KEYS.PageDown);
  click("step-back", KEYS.PageUp);
  click("help-button", KEYS["?"]);
  $("app").addEventListener("click", onClick);
  $("app").addEventListener("mousemove", (event) => {
    if (event.movementX || event.movementY) showReading(event); // not when the page moved below a resting mouse
  });
  $("app").addEventListener("focusin", showReading);
  document.addEventListener("keydown", onKey);
  $("unit").addEventListener("change", () => setUnit(Number($("unit").value)));
  $("batch").addEventListener("change", () => {
    state.batch = clamp(Number($("batch").value), SIZES.B || 1);
    state.picked = null;
    draw();
  });
  $("plant").addEventListener("change", () => {
    plantBug(Number($("plant").value));
    state.picked = null;
    if (state.plant >= 0) goToDivergence();
    draw();
  });
  $("search").addEventListener("input", () => search(false));
  $("search").addEventListener("keydown", (event) => {
    if (event.key === "Enter") search(true);
  });
  window.addEventListener("hashchange", () => {
    state.plant = -1;
    state.picked = null;
    readAddress();
    draw();
  });
}
