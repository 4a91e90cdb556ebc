// The cells as drawings: boxes by the code's names, wires in the direction of the forward pass.
// [name, x, y]; a name is a node of the forward pass, its gradient is found through the event's `of`.
const CELLS = {
  lstm: {
    size: [790, 440],
    boxes: [
      ["c_prev", 60, 50], ["h_prev", 60, 190], ["x_t", 60, 270], ["W_h", 60, 345], ["W_x", 60, 405],
      ["b", 190, 345], ["a_t", 190, 230], ["a_f", 320, 120], ["a_i", 320, 195], ["a_g", 320, 270], ["a_o", 320, 345],
      ["f", 450, 120], ["i", 450, 195], ["g", 450, 270], ["o", 450, 345],
      ["c_t", 590, 50], ["s", 590, 195], ["h_t", 590, 345], ["dc_next", 725, 50], ["dh_next", 725, 345], ["dh[t]", 725, 405],
    ],
    wires: [
      "x_t a_t", "h_prev a_t", "W_x a_t", "W_h a_t", "b a_t", "a_t a_f", "a_t a_i", "a_t a_g", "a_t a_o",
      "a_f f", "a_i i", "a_g g", "a_o o", "c_prev c_t", "f c_t", "i c_t", "g c_t", "c_t s", "s h_t", "o h_t",
      "c_t dc_next", "h_t dh_next", "h_t dh[t]",
    ],
  },
  gru: {
    size: [900, 440],
    boxes: [
      ["x_t", 60, 60], ["W_x", 60, 130], ["b", 60, 200], ["h_prev", 60, 270], ["W_h", 60, 340], ["b_hn", 60, 405],
      ["a_t", 190, 60], ["a_r", 320, 60], ["a_z", 320, 150], ["a_n", 320, 240], ["m", 320, 330],
      ["r", 450, 60], ["z", 450, 150], ["n", 580, 270], ["h_t", 710, 190], ["dh_next", 840, 150], ["dh[t]", 840, 230],
    ],
    wires: [
      "x_t a_t", "W_x a_t", "b a_t", "a_t a_r", "a_t a_z", "a_t a_n", "h_prev a_r", "h_prev a_z", "h_prev m", "W_h m", "b_hn m",
      "a_r r", "a_z z", "r n", "a_n n", "m n", "n h_t", "z h_t", "h_prev h_t", "h_t dh_next", "h_t dh[t]",
    ],
  },
  rnn: {
    size: [660, 370],
    boxes: [
      ["h_prev", 70, 50], ["x_t", 70, 120], ["W_h", 70, 190], ["W_x", 70, 260], ["b", 70, 330],
      ["a_t", 240, 190], ["h_t", 410, 190], ["dh_next", 580, 150], ["dh[t]", 580, 230],
    ],
    wires: ["h_prev a_t", "x_t a_t", "W_h a_t", "W_x a_t", "b a_t", "a_t h_t", "h_t dh_next", "h_t dh[t]"],
  },
  attention: {
    size: [660, 250],
    boxes: [["q", 60, 60], ["k", 60, 140], ["v", 60, 210], ["scores", 230, 100], ["alpha", 390, 100], ["context", 550, 150]],
    wires: ["q scores", "k scores", "scores alpha", "alpha context", "v context"],
  },
  general: {
    size: [790, 290],
    boxes: [["q", 60, 50], ["W_a", 60, 115], ["k", 60, 180], ["v", 60, 250], ["q_a", 200, 80], ["scores", 340, 130], ["alpha", 480, 130], ["context", 620, 190]],
    wires: ["q q_a", "W_a q_a", "q_a scores", "k scores", "scores alpha", "alpha context", "v context"],
  },
  additive: {
    size: [790, 440],
    boxes: [
      ["q", 60, 50], ["W_q", 60, 120], ["k", 60, 190], ["W_k", 60, 260], ["v_a", 60, 330], ["v", 60, 400],
      ["a_q", 190, 85], ["a_k", 190, 225], ["a", 310, 155], ["hidden", 430, 155], ["scores", 430, 290], ["alpha", 570, 290], ["context", 710, 330],
    ],
    wires: ["q a_q", "W_q a_q", "k a_k", "W_k a_k", "a_q a", "a_k a", "a hidden", "hidden scores", "v_a scores", "scores alpha", "alpha context", "v context"],
  },
};

const ONLY_BACKWARD = new Set(["dc_next", "dh_next", "dh[t]"]);

/** The drawing for these events: the op's own where every equation has its box, else one made of the events. */
function drawingFor(events) {
  const op = events[0].op;
  const names = new Set(events.map((e) => (e.phase === "forward" ? e.node : e.of)));
  const kinds = op === "attention" ? ["attention", "general", "additive"] : [op];
  for (const kind of kinds) {
    const cell = CELLS[kind];
    if (cell && [...names].every((name) => cell.boxes.some(([box]) => box === name))) return cell;
  }
  return madeDrawing(events);
}

/** Boxes in columns: every node stands right of what it is made of. */
function madeDrawing(events) {
  const forward = events.filter((e) => e.phase === "forward");
  const used = forward.length ? forward : events;
  const depth = new Map();
  const wires = new Set();
  for (const event of used) {
    let deepest = -1;
    for (const { name } of event.inputs) {
      if (name === event.node) continue;
      if (!depth.has(name)) depth.set(name, 0);
      deepest = Math.max(deepest, depth.get(name));
      wires.add(`${name}\u0000${event.node}`);
    }
    if (!depth.has(event.node)) depth.set(event.node, deepest + 1);
  }
  for (const event of events) {
    const name = event.phase === "forward" ? event.node : event.of || event.node;
    if (!depth.has(name)) depth.set(name, 0);
  }
  const columns = [];
  for (const [name, column] of depth) (columns[column] ||= []).push(name);
  const filled = columns.filter(Boolean);
  const tallest = Math.max(...filled.map((one) => one.length));
  const size = [Math.max(420, filled.length * 140), tallest * 66 + 20];
  const boxes = filled.flatMap((names, x) => names.map((name, y) => [name, 64 + x * 140, (size[1] / (names.length + 1)) * (y + 1)]));
  return { size, boxes, wires: [...wires].filter((one) => new Set(one.split("\u0000")).size === 2) };
}
