// Where the reader is: event, entry, bug. The address keeps it.
const DATA = JSON.parse(document.getElementById("data").textContent);
const WRONG = DATA.wrong.map((one) => new Run(unpacked(one, DATA.right)));
const RIGHT = new Run(DATA.right);
const SIZES = RIGHT.sizes;
const WIDTH = SIZES.H || SIZES.F || SIZES.E || 1;
const state = { n: 0, unit: 0, batch: 0, row: 0, picked: null, plant: -1 };
const $ = (id) => document.getElementById(id);

const shown = () => (state.plant < 0 ? RIGHT : WRONG[state.plant]);
const now = () => shown().events[state.n];

/** The entry of an array that stands for the chosen unit: block of the gate, column of the unit. */
function entryOf(array, gate) {
  const shape = array.shape;
  if (!shape.length) return 0;
  const last = shape.length - 1;
  const width = shape[last];
  const index = shape.map((size, axis) => (axis === 0 && last > 0 && size === SIZES.B ? state.batch : Math.min(state.row, size - 1)));
  let column = Math.min(state.unit, width - 1);
  const blocks = { 3: ["r", "z", "n"], 4: ["i", "f", "g", "o"] }[width / WIDTH];
  if (blocks) column = Math.max(0, blocks.indexOf(gate)) * WIDTH + Math.min(state.unit, WIDTH - 1);
  index[last] = column;
  return flatOf(index, shape);
}

/** The entry shown of the current event: the one picked in the grid, or the chosen unit's. */
function entryNow(array) {
  return state.picked !== null && state.picked < sizeOf(array) ? state.picked : entryOf(array, now().gate);
}

/** Choose an entry of the current value; the unit follows, so that the next equation shows the same one. */
function pick(flat) {
  const array = shown().value(now());
  const index = indices(flat, array.shape);
  const last = index.length - 1;
  state.picked = flat;
  if (last >= 0) state.unit = index[last] % (array.shape[last] % WIDTH === 0 ? WIDTH : array.shape[last]);
  if (last >= 1 && array.shape[0] === SIZES.B) state.batch = index[0];
  if (last >= 1 && (last >= 2 || array.shape[0] !== SIZES.B)) state.row = index[last - 1];
}

function readAddress() {
  const given = new URLSearchParams(location.hash.slice(1));
  if (given.has("plant")) state.plant = WRONG.findIndex((run) => run.planted.id === given.get("plant"));
  if (given.has("unit")) state.unit = clamp(Number(given.get("unit")), WIDTH);
  if (given.has("batch")) state.batch = clamp(Number(given.get("batch")), SIZES.B || 1);
  if (!given.has("node")) return;
  const fits = shown().events.filter(
    (e) =>
      e.node === given.get("node") &&
      (!given.has("t") || String(e.t) === given.get("t")) &&
      (!given.has("phase") || e.phase === given.get("phase")) &&
      (!given.has("op") || e.op === given.get("op")),
  );
  if (fits.length) state.n = fits[Math.min(fits.length, Number(given.get("nth")) || 1) - 1].n;
  else say(`There is no node ${given.get("node")}${given.has("t") ? ` at t=${given.get("t")}` : ""} here.`);
}

function writeAddress() {
  const event = now();
  const given = new URLSearchParams();
  if (event.t !== null) given.set("t", event.t);
  given.set("node", event.node);
  const same = (e) => e.node === event.node && e.t === event.t;
  if (shown().events.some((e) => same(e) && e.phase !== event.phase)) given.set("phase", event.phase);
  if (shown().events.some((e) => same(e) && e.op !== event.op)) given.set("op", event.op);
  const nth = Number(event.key.split("|").at(-1));
  if (nth > 1) given.set("nth", nth);
  if (state.unit) given.set("unit", state.unit);
  if (state.batch) given.set("batch", state.batch);
  if (state.plant >= 0) given.set("plant", shown().planted.id);
  try {
    history.replaceState(null, "", `#${given}`);
  } catch {
    // a notebook's frame may forbid it
  }
}

/** Draw a part of the page that depends on nothing but its key, if that has changed. */
const drawn = new Map();
function afresh(part, key, work) {
  if (drawn.get(part) === key) return;
  work();
  drawn.set(part, key);
}

const clamp = (k, size) => Math.max(0, Math.min(size - 1, Number.isFinite(k) ? Math.trunc(k) : 0));

function say(text) {
  $("said").textContent = text;
}
