// The microscope: the cell as a drawing, the numbers on its wires, the current node lit.
const BOX = { width: 100, height: 44 };

/** The events of the current time step, both phases: what one drawing shows. */
function neighbours(event) {
  return shown().events.filter((e) => e.op === event.op && e.t === event.t);
}

/** What a box holds now: the node's value going forward, its gradient going back; null if it is not computed yet. */
function held(name, event, around) {
  const back = event.phase === "backward";
  const of = (e) => (e.phase === "forward" ? e.node : e.of || e.node);
  const made =
    (of(event) === name ? event : null) || around.filter((e) => e.phase === event.phase && of(e) === name && e.n <= state.n).at(-1);
  if (made) return { name: made.node, array: shown().value(made), event: made, gate: made.gate };
  const coming = around.find((e) => e.phase === event.phase && of(e) === name);
  if (back && coming) return { name: coming.node, array: null, event: coming };
  const wanted = back && !ONLY_BACKWARD.has(name) ? `d${name}` : name; // what came from outside
  for (const e of around) {
    if (e.phase !== event.phase) continue;
    const input = e.inputs.find((one) => one.name === wanted);
    if (input) return { name: wanted, array: shown().array(input.array), event: input.event === null ? null : shown().events[input.event], gate: name.at(-1) };
  }
  return { name: wanted, array: null, event: null, none: true };
}

function drawMicroscope() {
  const event = now();
  const around = neighbours(event);
  const { size, boxes, wires } = drawingFor(around);
  const back = event.phase === "backward";
  const lit = event.phase === "forward" ? event.node : event.of || event.node;
  const used = new Set(event.inputs.map((one) => one.name));
  const places = new Map(boxes.map(([name, x, y]) => [name, { x, y, ...held(name, event, around) }]));
  const visible = ([name]) => back || !ONLY_BACKWARD.has(name);
  const lines = wires.map((wire) => drawWire(wire, places, back, lit, used)).join("");
  const cells = boxes.filter(visible).map(([name]) => drawBox(name, places.get(name), name === lit, used)).join("");
  const when = event.t === null ? "" : `, t=${event.t}`;
  $("microscope").innerHTML =
    `<h2>The cell ${back ? "backward" : "forward"}${when}</h2>` +
    `<div class="wide" tabindex="0" role="region" aria-label="Drawing of the cell, scrolls sideways">` +
    `<svg viewBox="0 0 ${size[0]} ${size[1]}" style="min-width:${Math.round(size[0] * 0.72)}px;max-width:${Math.round(size[0] * 1.15)}px" class="${event.phase}" role="group" aria-label="${escapeText(event.op)}, ${event.phase}${when}; lit: ${escapeText(event.node)}">` +
    `<defs><marker id="tip" viewBox="0 0 8 8" refX="7" refY="4" markerWidth="9" markerHeight="9" markerUnits="userSpaceOnUse" orient="auto-start-reverse"><path d="M0 0 8 4 0 8z"/></marker></defs>` +
    `${lines}${cells}</svg></div>` +
    `<p class="hint">${back ? "Gradients travel against the arrows of the forward pass. " : ""}Each box shows the chosen unit's entry; a dash: not computed yet.</p>`;
  const scroller = $("microscope").querySelector(".wide");
  const box = $("microscope").querySelector(".lit");
  if (box) scroller.scrollLeft = (Number(box.dataset.x) / size[0]) * scroller.scrollWidth - scroller.clientWidth / 2;
}

function drawWire(wire, places, back, lit, used) {
  const [from, to] = wire.split(wire.includes("\u0000") ? "\u0000" : " ");
  const a = places.get(from);
  const b = places.get(to);
  if (!a || !b || (!back && ONLY_BACKWARD.has(to))) return "";
  const upright = Math.abs(a.x - b.x) < BOX.width;
  const down = Math.sign(b.y - a.y);
  const [x1, y1] = upright ? [a.x, a.y + (down * BOX.height) / 2] : [a.x + BOX.width / 2, a.y];
  const [x2, y2] = upright ? [b.x, b.y - (down * BOX.height) / 2] : [b.x - BOX.width / 2, b.y];
  const bend = upright ? 0 : Math.max(12, (x2 - x1) / 2);
  const active = back ? from === lit && used.has(b.name) : to === lit && used.has(from);
  const marker = back ? "marker-start" : "marker-end";
  const path = `M${x1} ${y1} C${x1 + bend} ${y1} ${x2 - bend} ${y2} ${x2} ${y2}`;
  const [source, end] = back ? [b, a] : [a, b];
  const carried = source.array ? source.array.data[entryOf(source.array, source.gate)] : "not computed yet";
  const words = `${escapeText(source.name)} → ${escapeText(end.name)}`;
  return `<path class="wire${active ? " active" : ""}" d="${path}" ${marker}="url(#tip)" data-node="${words}" data-full="${carried}"><title>${words}: ${carried}</title></path>`;
}

function drawBox(name, place, isLit, used) {
  const { x, y, array, event, none } = place;
  const entry = array ? entryOf(array, place.gate) : 0;
  const value = isLit && array && state.picked !== null ? array.data[entryNow(array)] : array ? array.data[entry] : null;
  const text = value === null ? "–" : rounded(value);
  const fed = used.has(place.name);
  const kind = `${isLit ? " lit" : ""}${fed ? " fed" : ""}${none ? " none" : ""}${event && event.check && value !== null ? (event.check.passed ? " pass" : " fail") : ""}`;
  const jump = event ? ` data-go="${event.n}" role="button" tabindex="${isLit ? 0 : -1}"` : "";
  const judged = event && event.check && value !== null ? `<text class="sign" x="${BOX.width / 2 - 9}" y="-8">${event.check.passed ? "✓" : "✗"}</text>` : "";
  const full = value === null ? "not computed yet" : value;
  return (
    `<g class="box${kind}" transform="translate(${x} ${y})" data-x="${x}" data-node="${escapeText(place.name)}" data-full="${full}"${jump} aria-label="${escapeText(place.name)}: ${text}">` +
    `<title>${escapeText(place.name)} = ${full}</title>` +
    `<rect x="${-BOX.width / 2}" y="${-BOX.height / 2}" width="${BOX.width}" height="${BOX.height}" rx="6"/>` +
    `<text class="name" x="0" y="-5">${escapeText(place.name.length > 13 ? `${place.name.slice(0, 12)}…` : place.name)}</text><text class="entry" x="0" y="14">${text}</text>${judged}</g>`
  );
}
