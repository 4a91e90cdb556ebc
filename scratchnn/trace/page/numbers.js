// Numbers: how they look, and the little linear algebra that the page needs.
const escapeText = (text) => String(text).replace(/[&<>"']/g, (c) => `&#${c.charCodeAt(0)};`);

/** Four digits for the eye; the full value stays in data-full. */
function rounded(x) {
  if (typeof x !== "number" || !Number.isFinite(x)) return String(x).replace("-", "−");
  if (x === 0) return "0";
  const size = Math.abs(x);
  return (size < 1e-3 || size >= 1e5 ? x.toExponential(3) : x.toPrecision(4)).replace(/-/g, "−");
}

const number = (x) => `<span class="number" data-full="${x}" title="${x}">${rounded(x)}</span>`;

const sizeOf = (array) => array.data.length;

function norm(array) {
  let sum = 0;
  for (const x of array.data) sum += x * x;
  return Math.sqrt(sum);
}

/** The indices of a flat position, C order. */
function indices(flat, shape) {
  const found = [];
  for (let k = shape.length - 1; k >= 0; k--) {
    found.unshift(flat % shape[k]);
    flat = Math.floor(flat / shape[k]);
  }
  return found;
}

function flatOf(index, shape) {
  return index.reduce((flat, k, axis) => flat * shape[axis] + k, 0);
}

function transposed(array) {
  const [rows, columns] = array.shape;
  const data = new Array(rows * columns);
  for (let i = 0; i < rows; i++) for (let j = 0; j < columns; j++) data[j * rows + i] = array.data[i * columns + j];
  return { shape: [columns, rows], data };
}

function product(a, b) {
  const [rows, inner] = a.shape;
  const columns = b.shape[1];
  const data = new Array(rows * columns).fill(0);
  for (let i = 0; i < rows; i++)
    for (let k = 0; k < inner; k++) {
      const left = a.data[i * inner + k];
      for (let j = 0; j < columns; j++) data[i * columns + j] += left * b.data[k * columns + j];
    }
  return { shape: [rows, columns], data };
}

/** The sum over one axis. */
function summed(array, axis) {
  const shape = array.shape.filter((_, k) => k !== axis);
  const data = new Array(shape.reduce((a, b) => a * b, 1)).fill(0);
  array.data.forEach((x, flat) => {
    const index = indices(flat, array.shape);
    index.splice(axis, 1);
    data[flatOf(index, shape)] += x;
  });
  return { shape, data };
}

const sum = (a, b) => ({ shape: a.shape, data: a.data.map((x, k) => x + b.data[k]) });

function largestDifference(a, b) {
  if (!a || !b || a.data.length !== b.data.length) return NaN;
  let largest = 0;
  for (let k = 0; k < a.data.length; k++) {
    const difference = Math.abs(a.data[k] - b.data[k]);
    if (!(difference <= largest)) largest = difference;
  }
  return largest;
}
