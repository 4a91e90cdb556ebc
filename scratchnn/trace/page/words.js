// The equation in numbers: the line of the source with the chosen entry's numbers in place of the names.
const TERMS = 6; // of a sum of products, before the dots

const KNOWN = new Set(["np.tanh", "np.exp", "sigmoid", "tanh_slope", "sigmoid_slope"]); // functions of one entry

const nameFinder = (names) =>
  new RegExp(`(?<![\\w.\\]])(?:\\w+\\.)?(${names.map((one) => one.replace(/[.*+?^${}()|[\]\\]/g, "\\$&")).join("|")})(?![\\w(])(\\.T|\\.swapaxes\\(1, 2\\))?`, "g");

/** The number of an input that stands at one entry of the result, or null where the shapes do not say. */
function numberAt(array, index, shape) {
  if (!array.shape.length) return array.data[0];
  const offset = shape.length - array.shape.length;
  if (offset < 0) return null;
  const at = array.shape.map((size, k) => (size === 1 ? 0 : index[k + offset]));
  return array.shape.every((size, k) => size === 1 || size === shape[k + offset]) ? array.data[flatOf(at, array.shape)] : null;
}

/** One entry of a product A @ B as the sum that it is; null where the shapes do not fit. */
function productAt(a, b, flipA, flipB, index) {
  const swap = (one, flip) => (flip ? [...one.shape.slice(0, -2), one.shape.at(-1), one.shape.at(-2)] : one.shape);
  const [left, right] = [swap(a, flipA), swap(b, flipB)];
  if (left.length < 2 || left.at(-1) !== (right.length > 1 ? right.at(-2) : right[0])) return null;
  const value = (one, flip, head, i, j) =>
    one.data[flatOf([...head.slice(head.length - one.shape.length + 2), ...(flip ? [j, i] : [i, j])], one.shape)];
  const head = right.length > 1 ? index.slice(0, -2) : index.slice(0, -1);
  const [i, j] = right.length > 1 ? index.slice(-2) : [index.at(-1), null];
  const pairs = [];
  for (let k = 0; k < left.at(-1); k++) pairs.push([value(a, flipA, head, i, k), j === null ? b.data[k] : value(b, flipB, head, k, j)]);
  return pairs.every((pair) => pair.every((x) => x !== undefined)) ? pairs : null;
}

const signed = (x) => (x < 0 || Object.is(x, -0) ? `(${number(x)})` : number(x));

function sumInWords(pairs) {
  const few = pairs.slice(0, TERMS).map(([x, y]) => `${signed(x)}·${signed(y)}`);
  const total = pairs.reduce((all, [x, y]) => all + x * y, 0);
  const more = pairs.length > TERMS ? ` + … ${pairs.length - TERMS} more` : "";
  return `<span class="sum">(${few.join(" + ")}${more} <span class="total">= ${number(total)}</span>)</span>`;
}

/** The right side of the line in numbers, as HTML; null where this line cannot be written so. */
function inNumbers(event, array, flat) {
  const index = indices(flat, array.shape);
  const line = event.text.replace(/\s+#.*$/, "");
  const at = line.search(/(?<![=<>!])=(?!=)/);
  if (at < 0 || !event.inputs.length) return null;
  const right = line.slice(at + 1).trim();
  const arrays = new Map(event.inputs.map((one) => [one.name, shown().array(one.array)]));
  const special = softmaxInWords(event, arrays, index);
  if (special) return special;
  const block = right.match(/^np\.concatenate\(\[(.*)\], axis=1\)$/);
  if (block) return blockInWords(block[1].split(", "), arrays, index);
  const names = [...arrays.keys()].sort((a, b) => b.length - a.length);
  const tokens = nameFinder(names).source;
  const products = new RegExp(`${tokens} @ ${tokens}`, "g");
  const pieces = [];
  let good = true;
  const keep = (piece) => {
    pieces.push(piece);
    return `\u0001${pieces.length - 1}\u0002`;
  };
  let text = right.replace(products, (whole, a, flipA, b, flipB) => {
    const pairs = productAt(arrays.get(a), arrays.get(b), Boolean(flipA), Boolean(flipB), index);
    good &&= pairs !== null;
    return pairs ? keep(sumInWords(pairs)) : whole;
  });
  text = text.replace(new RegExp(`${tokens}\\.sum\\(axis=(\\d)\\)`, "g"), (whole, name, _, axis) => {
    const column = [...index];
    const shape = arrays.get(name).shape;
    const parts = Array.from({ length: shape[Number(axis)] }, (_x, k) => {
      const place = [...column];
      place.splice(Number(axis), 0, k);
      return arrays.get(name).data[flatOf(place, shape)];
    });
    good &&= parts.every((x) => x !== undefined);
    return keep(`(${parts.map(signed).join(" + ")})`);
  });
  text = text.replace(nameFinder(names), (whole, name) => {
    const x = numberAt(arrays.get(name), index, array.shape);
    good &&= x !== null && x !== undefined;
    return keep(x === null || x === undefined ? escapeText(whole) : signed(x));
  });
  const left = text.replace(/\u0001\d+\u0002/g, "").match(/[A-Za-z_][\w.]*/g) || [];
  if (left.some((one) => !KNOWN.has(one)) || /\)\.|\u0002\./.test(text)) return null;
  if (!good || /[[\]@]|\.\w+\(/.test(text.replace(/np\.(tanh|exp)\(/g, "("))) return null;
  text = text
    .replace(/tanh_slope\(\u0001(\d+)\u0002\)/g, "(1 - \u0001$1\u0002**2)")
    .replace(/sigmoid_slope\(\u0001(\d+)\u0002\)/g, "\u0001$1\u0002 * (1 - \u0001$1\u0002)");
  return escapeText(text.replaceAll("np.", "")).replaceAll("**2", "²").replaceAll(" * ", " · ").replaceAll(" - ", " − ").replace(/\u0001(\d+)\u0002/g, (_, k) => pieces[k]);
}

function blockInWords(names, arrays, index) {
  let column = index.at(-1);
  for (const name of names) {
    const array = arrays.get(name.replace(/^\w+\./, ""));
    if (!array) return null;
    if (column < array.shape.at(-1)) return `${escapeText(name)}[${[...index.slice(0, -1), column].join(", ")}] = ${number(array.data[flatOf([...index.slice(0, -1), column], array.shape)])}`;
    column -= array.shape.at(-1);
  }
  return null;
}

/** The two lines of attention that need a whole row: softmax and its way back. */
function softmaxInWords(event, arrays, index) {
  const row = (array) => {
    const width = array.shape.at(-1);
    const start = flatOf([...index.slice(0, -1), 0], array.shape);
    return array.data.slice(start, start + width);
  };
  if (event.op !== "attention") return null;
  if (event.node === "alpha" && arrays.has("scores")) {
    const scores = row(arrays.get("scores"));
    return `exp(${number(scores[index.at(-1)])}) / (${scores.map((x) => `exp(${number(x)})`).join(" + ")}), over the sources that the mask shows`;
  }
  if (event.node === "dscores" && arrays.has("alpha") && arrays.has("dalpha")) {
    const [alpha, dalpha] = [row(arrays.get("alpha")), row(arrays.get("dalpha"))];
    const k = index.at(-1);
    return `${signed(alpha[k])} · (${signed(dalpha[k])} − ${sumInWords(dalpha.map((x, j) => [x, alpha[j]]))})`;
  }
  return null;
}
