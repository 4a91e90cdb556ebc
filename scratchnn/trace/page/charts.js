// What each time step gives to a parameter's gradient, and how gradients change on their way back.
function sharesOf(run) {
  if (run.shares) return run.shares;
  const found = new Map();
  for (const event of run.events) {
    if (event.kind !== "add" || event.t === null) continue;
    let total = null;
    for (const one of event.addends) {
      const array = run.addend(one);
      if (array) total = total ? sum(total, array) : array;
    }
    if (!total) continue;
    const name = `${event.op} ${event.node}`;
    if (!found.has(name)) found.set(name, []);
    found.get(name).push({ event, size: norm(total) });
  }
  for (const bars of found.values()) bars.sort((a, b) => a.event.t - b.event.t);
  return (run.shares = found);
}

function drawShares() {
  const shares = sharesOf(shown());
  $("shares").hidden = !shares.size;
  if (!shares.size) return;
  afresh("shares", state.plant, () => buildShares(shares));
  for (const button of $("shares").querySelectorAll("[data-share]")) {
    button.classList.toggle("done", Number(button.dataset.go) <= state.n);
    button.classList.toggle("here", Number(button.dataset.t) === now().t);
    button.tabIndex = Number(button.dataset.t) === (now().t ?? 0) ? 0 : -1;
  }
}

function buildShares(shares) {
  const rows = [...shares].map(([, bars]) => {
    const largest = Math.max(...bars.map((one) => one.size)) || 1;
    const { node } = bars[0].event;
    const buttons = bars.map(({ event, size }) => {
      return `<button class="share" data-t="${event.t}" data-go="${event.n}" data-share="${escapeText(node)}" data-full="${size}" title="t=${event.t}: ${size}" aria-label="${escapeText(node)}, t=${event.t}: norm ${rounded(size)}"><span style="height:${Math.max(2, (size / largest) * 56).toFixed(1)}px"></span><small>${event.t}</small></button>`;
    });
    return `<div class="shares"><h3>${escapeText(node)} <span class="quiet">largest ${number(largest)}</span></h3><div class="bars wide">${buttons.join("")}</div></div>`;
  });
  $("shares").innerHTML = `<h2>What each time step contributes</h2>${rows.join("")}<p class="hint">Norm of each step's addend; solid: already added at this point of the backward pass. Click a bar to go there.</p>`;
}

/** Curves over t: norms of the gradients of the states, and the product of the gates that keep the state. */
function flowOf(run) {
  if (run.flow) return run.flow;
  const at = (node, phase) => run.events.filter((e) => e.node === node && e.phase === phase && e.t !== null).sort((a, b) => a.t - b.t);
  const curves = [];
  for (const node of ["dh_t", "dc_t"]) {
    const points = at(node, "backward").map((e) => ({ t: e.t, y: norm(run.value(e)), n: e.n }));
    if (points.length > 1) curves.push({ label: `norm of ${node}`, points, kind: node });
  }
  const [keeper, what] = at("f", "forward").length > 1 ? ["f", "forget gates"] : at("z", "forward").length > 1 ? ["z", "update gates"] : [null, ""];
  if (keeper && curves.length) {
    const gates = at(keeper, "forward").reverse();
    let running = null;
    const points = [];
    for (const event of gates) {
      const array = run.value(event);
      running ??= array.data.map(() => 1);
      points.unshift({ t: event.t, y: running.reduce((a, x) => a + x, 0) / running.length, n: event.n });
      running = running.map((x, k) => x * array.data[k]);
    }
    curves.push({ label: `product of the ${what} after t, mean over units`, points, kind: "gates" });
  }
  return (run.flow = curves);
}

function drawFlow() {
  const curves = flowOf(shown());
  $("flow").hidden = !curves.length;
  if (curves.length) afresh("flow", `${state.plant} ${now().t}`, () => buildFlow(curves));
}

function buildFlow(curves) {
  const all = curves.flatMap((one) => one.points).filter((p) => p.y > 0 && Number.isFinite(p.y));
  const [low, high] = [Math.floor(Math.log10(Math.min(...all.map((p) => p.y)))), Math.ceil(Math.log10(Math.max(...all.map((p) => p.y))))];
  const T = Math.max(...all.map((p) => p.t));
  const [width, height, left, bottom] = [520, 246, 60, 50];
  const x = (t) => left + 12 + (t / (T || 1)) * (width - left - 28);
  const y = (v) => 12 + ((high - Math.log10(v)) / (high - low || 1)) * (height - bottom - 16);
  const step = Math.max(1, Math.ceil((high - low) / 5));
  const grid = [];
  for (let k = low; k <= high; k += step) grid.push(`<line class="rule" x1="${left}" x2="${width - 8}" y1="${y(10 ** k)}" y2="${y(10 ** k)}"/><text x="${left - 6}" y="${y(10 ** k) + 4}" text-anchor="end">${10 ** k >= 1e-3 && k < 4 ? 10 ** k : `1e${k}`}</text>`);
  const every = Math.max(1, Math.ceil((T + 1) / 12));
  for (let t = 0; t <= T; t += every) grid.push(`<text x="${x(t)}" y="${height - 30}" text-anchor="middle">${t}</text>`);
  const lines = curves.map(({ label, points, kind }) => {
    const good = points.filter((p) => p.y > 0 && Number.isFinite(p.y));
    const mark = (p) => (kind === "dh_t" ? `<circle cx="${x(p.t)}" cy="${y(p.y)}" r="4"` : kind === "dc_t" ? `<rect x="${x(p.t) - 4}" y="${y(p.y) - 4}" width="8" height="8"` : `<path d="M${x(p.t)} ${y(p.y) - 5}l5 9h-10z"`);
    const dots = good.length > 60 ? "" : good.map((p) => `${mark(p)} class="dot" data-go="${p.n}" data-full="${p.y}"><title>${escapeText(label)}, t=${p.t}: ${p.y}</title></${kind === "dh_t" ? "circle" : kind === "dc_t" ? "rect" : "path"}>`).join("");
    return `<g class="curve ${kind}"><polyline points="${good.map((p) => `${x(p.t)},${y(p.y)}`).join(" ")}"/>${dots}</g>`;
  });
  const cursor = now().t === null ? "" : `<line class="cursor" x1="${x(now().t)}" x2="${x(now().t)}" y1="6" y2="${height - bottom}"/>`;
  const legend = curves.map(({ label, kind }) => `<span class="curve-key ${kind}">${{ dh_t: "●", dc_t: "■", gates: "▲" }[kind]} ${escapeText(label)}</span>`).join("");
  const spoken = curves.map(({ label, points }) => `${label}: ${points.map((p) => `t=${p.t} ${rounded(p.y)}`).join(", ")}`).join(". ");
  $("flow").innerHTML = `<h2>How the gradient flows back</h2><svg class="chart" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escapeText(spoken)}">${grid.join("")}<text x="${width / 2}" y="${height - 6}" text-anchor="middle">time step t</text>${cursor}${lines.join("")}</svg><p class="legend">${legend}</p>`;
}
