"""The values of a recorded run: what each event made, what it is the sum of."""

import numpy as np

CLOSE = 1e-9  # of the largest entry: the same number, summed in another order


class Values:
    """The values of a trace, sums so far included.

    Parameters
    ----------
    trace : Trace
    """

    def __init__(self, trace):
        self.trace, self.events = trace, trace.events
        self._sums = self._running()

    def array(self, index):
        """Give an array of the trace.

        Parameters
        ----------
        index : int

        Returns
        -------
        array
        """
        return self.trace.arrays[index]

    def value(self, n):
        """Give what an event left behind: of a sum, the sum so far.

        Parameters
        ----------
        n : int

        Returns
        -------
        array or None
        """
        if n in self._sums:
            return self._sums[n]
        index = self.events[n].value
        return None if index is None else self.array(index)

    def addends(self, n):
        """List what an event's value is the sum of; of a parameter's gradient, every step so far.

        Parameters
        ----------
        n : int

        Returns
        -------
        list of (str, array)
        """
        return [(one["source"], self._addend(one)) for m in self._before(n) for one in self.events[m].addends]

    def made(self, n):
        """Give what the line itself computed: of a sum, what it added.

        Parameters
        ----------
        n : int

        Returns
        -------
        array or None
        """
        event = self.events[n]
        if event.kind == "set":
            return self.value(n)
        return self._addend(event.addends[-1]) if event.addends else None

    def _addend(self, one):
        if "array" in one:
            return self.array(one["array"])
        if "summed" in one:
            return self.array(one["summed"]).sum(axis=one["axis"])
        first, *others = [
            self.array(factor["array"]).T if factor["transposed"] else self.array(factor["array"])
            for factor in one["factors"]
        ]
        for other in others:
            first = first @ other
        return first

    def _same_sum(self, one, other):
        return other.kind == "add" and (one.op, one.phase, one.node) == (other.op, other.phase, other.node)

    def _before(self, n):
        event = self.events[n]
        if event.kind != "add":
            return [n]
        return [m for m in range(n + 1) if self._same_sum(event, self.events[m])]

    def _running(self):
        sums, totals = {}, {}
        for n, event in enumerate(self.events):
            if event.kind == "add" and event.addends:
                key = (event.op, event.phase, event.node)
                for one in event.addends:
                    totals[key] = totals[key] + self._addend(one) if key in totals else self._addend(one)
                if event.value is None:
                    sums[n] = totals[key]
        return sums


def same(one, other):
    """Say whether two arrays of one shape hold the same numbers, up to rounding.

    Parameters
    ----------
    one, other : array

    Returns
    -------
    bool
    """
    if one.size == 0:
        return True
    scale = max(float(np.max(np.abs(np.nan_to_num(other)))), 1e-300)
    return bool(np.allclose(one, other, rtol=0, atol=CLOSE * scale, equal_nan=True))
