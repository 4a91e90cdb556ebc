// What stands beside the cell: equation, value, check, inputs, addends, the final gradients.
const GRID = 1100; // entries shown at once; a larger array shows the rows around the chosen one

const indexText = (flat, shape) => (shape.length ? `[${indices(flat, shape).join(", ")}]` : "");
const shapeText = (array) => `(${array.shape.join(", ")}${array.shape.length === 1 ? "," : ""})`;

function goLink(run, n, text) {
  return `<button class="link" data-go="${n}">${text}</button>`;
}

function drawEquation() {
  const event = now();
  const equation = shown().equation(event);
  const array = shown().value(event);
  const flat = array ? entryNow(array) : 0;
  const symbols = equation && document.getElementById(`eq-${equation.op}-${equation.phase}-${equation.number}`);
  const words = array && inNumbers(event, array, flat);
  const undoes = equation && equation.undoes && equation.undoes.length ? `<p class="hint">undoes ${equation.undoes.map((k) => `(${k})`).join(", ")}; ${escapeText(equation.source)}</p>` : equation ? `<p class="hint">${escapeText(equation.source)}</p>` : "";
  const left = `${escapeText(event.node)}${array ? indexText(flat, array.shape) : ""}`;
  $("equation").innerHTML =
    `<h2><span class="phase ${event.phase}">${event.phase}</span> ${escapeText(event.node)}${event.t === null ? "" : ` <span class="quiet">t=${event.t}</span>`}${equation ? ` <span class="quiet">equation (${equation.number})</span>` : ""} ${badge(event.check)}</h2>` +
    `<div class="formula wide${symbols && symbols.textContent.length > 36 ? " long" : ""}" tabindex="0" role="region" aria-label="Equation in symbols">${symbols ? symbols.innerHTML : `<code>${escapeText(equation ? equation.text : event.text)}</code>`}</div>${undoes}` +
    `<h3>In numbers, ${left}</h3>` +
    `<p id="in-numbers">${words ? `<span>${words}</span>${event.kind === "add" ? " is added: " : ""}` : ""} <span class="result">${words && event.kind !== "add" ? "=" : ""} ${array ? number(array.data[flat]) : "its addend's factors were not recorded"}</span>${array && event.kind === "add" ? " so far" : ""}</p>` +
    `<h3>Source</h3><pre id="source" tabindex="0"><span class="where">${escapeText(event.function)}, line ${event.line}</span>\n${escapeText(event.text)}</pre>`;
}

function drawValue() {
  const event = now();
  const array = shown().value(event);
  if (!array) {
    $("value").innerHTML = "<h2>Value</h2><p>Nothing was recorded for this line.</p>";
    return;
  }
  const width = array.shape.at(-1) || 1;
  const rows = sizeOf(array) / width;
  const flat = entryNow(array);
  const window = Math.max(1, Math.floor(GRID / width));
  const first = rows * width <= GRID ? 0 : Math.min(rows - window, Math.max(0, Math.floor(flat / width) - (window >> 1)));
  const largest = array.data.reduce((a, x) => Math.max(a, Math.abs(x) || 0), 0) || 1;
  const cells = [];
  for (let k = first * width; k < Math.min(rows, first + window) * width; k++) {
    const x = array.data[k];
    const strength = Math.round((Math.abs(x) / largest) * 100);
    cells.push(`<button class="cell ${x < 0 ? "minus" : "plus"}" style="--s:${strength}%" data-flat="${k}" data-full="${x}" title="${indexText(k, array.shape)} ${x}" tabindex="${k === flat ? 0 : -1}" aria-pressed="${k === flat}" aria-label="${indexText(k, array.shape)} ${rounded(x)}">${x < 0 ? "−" : ""}</button>`);
  }
  const cut = rows > window ? `<p class="hint">rows ${first} to ${Math.min(rows, first + window) - 1} of ${rows}</p>` : "";
  const summedUp = event.value === null ? '<p class="hint">The sum so far, put together here from the recorded factors; the last line of this sum has the recorded total.</p>' : "";
  $("value").innerHTML =
    `<h2>Value of ${escapeText(event.node)} <span class="quiet">${shapeText(array)}</span></h2>` +
    `<p class="reading"><span>${escapeText(event.node)}${indexText(flat, array.shape)}</span> <strong id="entry">${number(array.data[flat])}</strong> <span class="quiet">norm ${number(norm(array))}</span></p>` +
    `<div class="grid wide" id="grid" role="group" aria-label="Entries; arrows choose one" style="grid-template-columns:repeat(${Math.min(width, 64)}, minmax(14px, 1fr))">${cells.join("")}</div>` +
    `<p class="hint"><span class="key plus"></span>positive <span class="key minus"></span>negative (−); darker is larger</p>${cut}${summedUp}`;
}

function drawCheck() {
  const event = now();
  const check = event.check;
  const array = shown().value(event);
  if (!check) {
    const some = shown().events.some((e) => e.check);
    const why = event.phase === "backward" && !some ? "This run was too large to check every number at once: in the terminal v checks the number you look at, and --checks all checks every one." : event.phase === "forward" ? "The forward pass is what the check of every gradient runs again; it is the measure here, not the measured." : "No independent value was made for this line.";
    $("check").innerHTML = `<h2>Independent check ${badge(null)}</h2><p>Not checked. ${why}</p>`;
    return;
  }
  const truth = shown().array(check.true);
  const flat = array ? entryNow(array) : 0;
  const meanings = { total: "the total gradient", carried: "an edge: what is carried on, without that step's own loss", "sum so far": "the sum of the steps so far", value: "the value" };
  $("check").innerHTML =
    `<h2>Independent check ${badge(check)}</h2><p class="verdict ${check.passed ? "pass" : "fail"}">${check.passed ? "✓ Pass" : "✗ Fail"}</p><dl>` +
    `<dt>method</dt><dd>${escapeText(check.method)}</dd><dt>of</dt><dd>${meanings[check.meaning] || escapeText(check.meaning)}</dd>` +
    (truth && array ? `<dt>here</dt><dd>${number(array.data[flat])}</dd><dt>true value</dt><dd id="true-value">${number(truth.data[flat])}</dd>` : "") +
    `<dt>error</dt><dd><span id="error">${number(check.error)}</span> of the largest true entry, allowed ${number(check.bound)}</dd></dl>`;
}

function drawInputs() {
  const event = now();
  const items = event.inputs.map((one) => {
    const array = shown().array(one.array);
    const flat = array ? entryOf(array, event.gate) : 0;
    const from = one.event === null ? '<span class="quiet">given</span>' : goLink(shown(), one.event, `from ${escapeText(shown().events[one.event].node)}${shown().events[one.event].t === null ? "" : `, t=${shown().events[one.event].t}`}`);
    return `<tr data-input="${escapeText(one.name)}"><th scope="row"><code>${escapeText(one.name)}</code></th><td>${array ? shapeText(array) : ""}</td><td>${array ? `${indexText(flat, array.shape)} ${number(array.data[flat])}` : ""}</td><td>${from}</td></tr>`;
  });
  $("inputs").innerHTML = `<h2>What went in</h2>${items.length ? `<div class="wide" tabindex="0" role="region" aria-label="Inputs"><table><thead><tr><th scope="col">name</th><th scope="col">shape</th><th scope="col">entry</th><th scope="col">made by</th></tr></thead><tbody>${items.join("")}</tbody></table></div>` : "<p>Nothing.</p>"}`;
}

function drawAddends() {
  const event = now();
  const array = shown().value(event);
  const arrays = event.addends.map((one) => [one, shown().addend(one)]);
  $("addends").hidden = !arrays.length;
  if (!arrays.length) return;
  const flat = array ? entryNow(array) : 0;
  const largest = Math.max(...arrays.map(([, one]) => (one ? norm(one) : 0))) || 1;
  const how = arrays.some(([one]) => one.factors || one.summed !== undefined);
  const items = arrays.map(([one, values]) => {
    const made = one.factors ? one.factors.map((f) => `${f.name}${f.transposed ? ".T" : ""}`).join(" @ ") : one.summed !== undefined ? `sum of ${one.name || "it"} over axis ${one.axis}` : "";
    const entry = values && sizeOf(values) === (array ? sizeOf(array) : 0) ? number(values.data[flat]) : "";
    return `<tr><th scope="row">${escapeText(one.source)}</th>${how ? `<td>${escapeText(made)}</td>` : ""}<td>${entry}</td><td>${values ? `<span class="bar" style="--w:${(norm(values) / largest) * 100}%"></span>${number(norm(values))}` : ""}</td></tr>`;
  });
  const running = event.kind === "add" ? "<p class=\"hint\">Added to the sum of the steps after it; see below how much each time step contributes.</p>" : "";
  $("addends").innerHTML = `<h2>Addends by source</h2><div class="wide" tabindex="0" role="region" aria-label="Addends"><table><thead><tr><th scope="col">from</th>${how ? '<th scope="col">as</th>' : ""}<th scope="col">entry</th><th scope="col">norm</th></tr></thead><tbody>${items.join("")}</tbody></table></div>${running}`;
}

function drawGradients() {
  afresh("gradients", state.plant, buildGradients);
}

function buildGradients() {
  const items = shown().gradients.map((one) => {
    const array = shown().array(one.array);
    return `<tr><th scope="row"><code>${escapeText(one.name.replace(/(\w+)$/, "d$1"))}</code></th><td>${array ? shapeText(array) : ""}</td><td>${array ? number(norm(array)) : ""}</td><td>${badge(one.check)} ${one.check ? `error ${number(one.check.error)}` : "not checked"}</td></tr>`;
  });
  $("gradients").innerHTML = `<h2>What comes out: the gradients</h2><div class="wide" tabindex="0" role="region" aria-label="Gradients"><table><thead><tr><th scope="col">gradient</th><th scope="col">shape</th><th scope="col">norm</th><th scope="col">check</th></tr></thead><tbody>${items.join("")}</tbody></table></div>`;
}
