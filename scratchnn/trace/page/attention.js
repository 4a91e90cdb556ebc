// Attention: the map of alpha, one query's row, and the row of the softmax Jacobian that makes dscores.
function latestOf(node) {
  return shown().events.findLast((e) => e.op === "attention" && e.node === node) || null;
}

function rowOf(event, query) {
  const array = shown().value(event);
  const [B, Q, S] = array.shape;
  const start = (Math.min(state.batch, B - 1) * Q + query) * S;
  return array.data.slice(start, start + S);
}

function drawAttention() {
  const alpha = latestOf("alpha");
  $("attention").hidden = !alpha || shown().value(alpha).shape.length !== 3;
  const { plant, batch, row, source } = state;
  if (!$("attention").hidden) afresh("attention", [plant, batch, row, source].join(), () => buildAttention(alpha));
}

function buildAttention(alpha) {
  const [, Q, S] = shown().value(alpha).shape;
  const query = Math.min(state.row, Q - 1);
  const source = Math.min(state.source ?? 0, S - 1);
  const map = Array.from({ length: Q }, (_, i) => {
    const cells = rowOf(alpha, i).map((x, j) => `<td><button class="heat" style="--s:${Math.round(x * 100)}%" data-query="${i}" data-source="${j}" data-full="${x}" title="alpha[${i}, ${j}] = ${x}" aria-pressed="${i === query && j === source}" aria-label="alpha, query ${i}, source ${j}: ${rounded(x)}" tabindex="${i === query && j === source ? 0 : -1}">${x.toFixed(2)}</button></td>`);
    return `<tr${i === query ? ' class="chosen"' : ""}><th scope="row">q ${i}</th>${cells.join("")}</tr>`;
  });
  const heads = Array.from({ length: S }, (_, j) => `<th scope="col">s ${j}</th>`).join("");
  const [dalpha, dscores] = [latestOf("dalpha"), latestOf("dscores")];
  const row = (name, values, link) => `<tr><th scope="row">${link ? goLink(shown(), link.n, name) : name}</th>${values.map((x, j) => `<td${j === source ? ' class="chosen"' : ""}>${number(x)}</td>`).join("")}</tr>`;
  const a = rowOf(alpha, query);
  const rows = [row("alpha", a, alpha)];
  let words = "";
  if (dalpha && dscores) {
    const [da, ds] = [rowOf(dalpha, query), rowOf(dscores, query)];
    const J = a.map((x, k) => (k === source ? a[source] * (1 - a[source]) : -a[source] * x));
    const total = J.reduce((all, x, k) => all + x * da[k], 0);
    rows.push(row("dalpha", da, dalpha), row("dscores", ds, dscores));
    rows.push(row(`Jacobian, row ${source}`, J), row("Jacobian · dalpha", J.map((x, k) => x * da[k])));
    words =
      `<p>Row ${source} of the softmax Jacobian: on the diagonal (s ${source}) alpha · (1 − alpha) = ${number(J[source])}, off it −alpha · alpha of the other source. ` +
      `The last row sums to <span id="row-sum">${number(total)}</span>; recorded dscores: <span id="row-recorded">${number(ds[source])}</span>. The diagonal alone would give ${number(J[source] * da[source])}.</p>`;
  }
  $("attention").innerHTML =
    `<h2>Attention: who looks at what</h2><div class="wide" tabindex="0" role="region" aria-label="Map of alpha"><table id="heat"><caption>alpha, one row for each query; rows sum to 1</caption><thead><tr><th></th>${heads}</tr></thead><tbody>${map.join("")}</tbody></table></div>` +
    `<h3>Query ${query}: softmax and its way back</h3><div class="wide" tabindex="0" role="region" aria-label="Rows of the query"><table id="jacobian"><thead><tr><th></th>${heads}</tr></thead><tbody>${rows.join("")}</tbody></table></div>${words}`;
}
