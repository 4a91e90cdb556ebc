// A recorded run: its events, their values, and where each came from.
const BACK_TO_NUMBERS = { nan: NaN, inf: Infinity, "-inf": -Infinity };

/** A wrong run, put together of what is its own and what it shares with the right one. */
function unpacked(wrong, right) {
  const events = wrong.events.map(({ like, ...own }) => {
    const twin = like === undefined ? {} : right.events[like];
    const check = own.check && twin.check ? { ...twin.check, ...own.check } : own.check === undefined ? twin.check : own.check;
    return { ...twin, ...own, check };
  });
  return { ...right, ...wrong, events, arrays: [...right.arrays, ...wrong.arrays] };
}

class Run {
  constructor(plain) {
    Object.assign(this, plain);
    this.arrays = plain.arrays.map((one) => ({
      shape: one.shape,
      data: one.data.map((x) => (typeof x === "string" ? BACK_TO_NUMBERS[x] : x)),
    }));
    this.kept = new Map();
    this.byKey = new Map();
    this.segments = [];
    const seen = new Map();
    for (const event of this.events) {
      const name = [event.phase, event.op, event.t, event.node].join("|");
      seen.set(name, (seen.get(name) || 0) + 1);
      event.key = `${name}|${seen.get(name)}`;
      this.byKey.set(event.key, event);
      this.place(event);
    }
  }

  /** Neighbouring events of one phase and time step are one segment of the timeline. */
  place(event) {
    const last = this.segments.at(-1);
    if (last && last.phase === event.phase && last.t === event.t && (event.t !== null || last.op === event.op)) {
      last.events.push(event);
    } else {
      this.segments.push({ phase: event.phase, t: event.t, op: event.op, events: [event] });
    }
    event.segment = this.segments.length - 1;
  }

  array(index) {
    return index === null || index === undefined ? null : this.arrays[index];
  }

  /** The value after this event; a parameter's running sum is put together from its recorded factors. */
  value(event) {
    if (event.value !== null) return this.array(event.value);
    if (!this.kept.has(event.n)) {
      let total = null;
      for (const one of this.events) {
        if (one.n > event.n) break;
        if (one.node !== event.node || one.op !== event.op || one.kind !== "add") continue;
        for (const addend of one.addends) {
          const array = this.addend(addend);
          if (array) total = total ? sum(total, array) : array;
        }
      }
      this.kept.set(event.n, total);
    }
    return this.kept.get(event.n);
  }

  addend(addend) {
    if (addend.array !== undefined) return this.array(addend.array);
    if (addend.summed !== undefined) return summed(this.array(addend.summed), addend.axis);
    if (!addend.factors || addend.factors.length !== 2) return null;
    const [a, b] = addend.factors.map((one) => (one.transposed ? transposed(this.array(one.array)) : this.array(one.array)));
    return a.shape.length === 2 && b.shape.length === 2 ? product(a, b) : null;
  }

  equation(event) {
    return this.equations.find((one) => one.op === event.op && one.number === event.equation) || null;
  }

  /** The events that may have been meant by a name, and perhaps a t. */
  search(text) {
    const [name, t] = text.trim().split(/[\s@,]+|t=/).filter(Boolean);
    if (!name) return [];
    const fits = (event) => t === undefined || String(event.t) === t;
    const all = this.events.filter(fits);
    for (const test of [
      (e) => e.node === name,
      (e) => `(${e.equation})` === name || String(e.equation) === name,
      (e) => e.node.toLowerCase().includes(name.toLowerCase()),
      (e) => e.text.toLowerCase().includes(name.toLowerCase()),
    ]) {
      const found = all.filter(test);
      if (found.length) return found;
    }
    return [];
  }

  /** The same node's event in the other phase: c_t and dc_t. */
  counterpart(event) {
    const wanted = event.phase === "forward" ? (e) => e.of === event.node : (e) => e.node === event.of;
    return this.events.find((e) => e.phase !== event.phase && e.op === event.op && e.t === event.t && wanted(e)) || null;
  }

  failed() {
    return this.events.filter((e) => e.check && !e.check.passed);
  }
}

/** What a check says, in a word and a sign, never by colour alone. */
function badge(check) {
  if (!check) return '<span class="badge none" role="img" aria-label="not checked" title="not checked">○</span>';
  const word = check.passed ? "pass" : "fail";
  return `<span class="badge ${word}" role="img" aria-label="check: ${word}" title="check: ${word}, error ${rounded(check.error)}">${check.passed ? "✓" : "✗"}</span>`;
}
