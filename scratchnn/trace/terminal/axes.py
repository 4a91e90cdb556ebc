"""Which axis of an array is which: from the legend of the trace, else from the sizes."""

import re

ROWS = "*"  # behind the letter of a square matrix's rows: W_h is (H*, H)


class Axes:
    """Names the axes of arrays by the letters of the legend.

    Parameters
    ----------
    legend : list of dict
        With "symbol" and "shape", as in a trace.
    sizes : dict of str to int
    """

    def __init__(self, legend, sizes):
        self.sizes = sizes
        self.known = {}
        for row in legend:
            names = [name.strip() for name in row["symbol"].split(",")]
            shapes = [_letters(shape) for shape in re.findall(r"\(([^()]*)\)", row["shape"])] or [()]
            shapes = shapes if len(shapes) == len(names) else shapes[:1] * len(names)
            self.known.update(zip(names, shapes, strict=True))

    def of(self, name, shape, near=()):
        """Name the axes of one array.

        Parameters
        ----------
        name : str
            As in the code; a gradient ``dx`` has the axes of ``x``.
        shape : tuple of int
        near : iterable of tuple of str
            Axes of its neighbours, which are tried first when the legend does not know the name.

        Returns
        -------
        tuple of str
            One letter an axis; "?0", "?1" ... where nothing fits.
        """
        name = name.rsplit(".", 1)[-1]
        for known in (name, name.removeprefix("d")):
            if len(self.known.get(known, ())) == len(shape) and self._may_be(self.known[known], shape):
                return self.known[known]
        for known in (name, name.removeprefix("d")):
            if self._could_be(self.known.get(known, ()), shape):
                return self.known[known]
        for axes in (*near, *self.known.values()):
            if len(axes) == len(shape) and self._may_be(axes, shape):
                return axes
        return _told_apart([self._letter(size, k) for k, size in enumerate(shape)])

    def _letter(self, size, k):
        """Name one axis by its size alone: features and units before anything else."""
        letters = dict.fromkeys(letter for axes in self.known.values() for letter in axes[-1:])
        letters |= dict.fromkeys(letter.lstrip("0123456789") for letter in letters) | dict.fromkeys(self.sizes)
        fitting = [letter for letter in letters if letter not in ("B", "T") and self._size(letter) == size]
        return fitting[0] if fitting else f"?{k}"

    def _could_be(self, axes, shape):
        """Say whether the letters that have a size agree, and there is one."""
        sizes = [self._size(letter) for letter in axes]
        pairs = zip(sizes, shape, strict=len(sizes) == len(shape))
        return len(sizes) == len(shape) and any(sizes) and all(size in (None, got) for size, got in pairs)

    def _may_be(self, axes, shape):
        return all(self._size(letter) == size for letter, size in zip(axes, shape, strict=True))

    def _size(self, letter):
        times, name = re.fullmatch(r"(\d*)(.*)", letter.rstrip(ROWS)).groups()
        name = name if name in self.sizes else name.split("_")[0]
        return int(times or 1) * self.sizes[name] if name in self.sizes else None


def _letters(text):
    return _told_apart([letter.strip() for letter in text.split(",") if letter.strip()])


def _told_apart(letters):
    return tuple(letter + ROWS * letters[k + 1 :].count(letter) for k, letter in enumerate(letters))
