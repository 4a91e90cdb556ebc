"""Which statement is wrong, told by pushing: those that can make all right are weighed, and edits of them tried."""

import time
from typing import Any

from .pushes.push import Key
from .pushes.reach import Reach
from .pushes.reached import Reached
from .pushes.weigh import RIGHT, UNKNOWN, Weigher
from .repairs.kept import keeper, mended_forward
from .repairs.mend import ANEW, edited, heads, mended, shaped
from .repairs.missing import added
from .repairs.search import Found
from .source.statements import Statement
from .truth.known import TOTAL
from .truth.names import base, of_gradient
from .truth.pool import Pool
from .truth.records import WRONG, Written, judge, record

MADE = 1.0  # seconds for edits of what is no gradient
DEAR = 2.5  # such an edit of the backward is no likelier than one of what the forward keeps


class Pushing:
    """Looks for a statement that alone can make everything right, or for two.

    Parameters
    ----------
    source : object
        Has ``stage``, ``bench``, ``passes``, ``truths``, ``deadline``, and ``edited``, which puts an edit into it.
    pool : Pool
    written : list of Written
    """

    def __init__(self, source: Any, pool: Pool, written: list[Written]) -> None:
        self.source, self.pool, self.bench, self.deadline = source, pool, source.bench, source.deadline
        self.reach = Reach(source.stage, self.bench.statements, source.passes[0], source.truths[0], self.deadline)
        self.weigher = Weigher(pool, written, self.reach)
        self.verdicts: dict[Key, int] = {}
        self.reached: list[Reached] = []  # the likeliest first
        self.keeper: Statement | None = None  # of the forward, if that keeps something wrong

    def found(self) -> Found | None:
        """Find the statement that alone can make everything right, and its edit; or one of two.

        Returns
        -------
        Found or None
        """
        places = self.reach.all()
        found = self._mended(places)
        if self._is_good(found) and found[0][0] < DEAR:
            return found[0][2]
        values, kept = self._other_values({one.key for one in places})
        more = values or self._made({one.key for one in places})
        if more:
            places = sorted([*places, *more], key=lambda one: one.order)
            found = self._mended(places)
            if self._is_good(found) and found[0][0] < DEAR:
                return found[0][2]
        before = mended_forward(self.bench, self.reach, kept, self.deadline)
        if before and not (found and found[0][0] < before[0][0]):
            return before[0][2]
        good = self._is_good(found)
        self.keeper = next(filter(None, (keeper(self.bench, self.reach, one) for one in kept)), None)
        if self.keeper is not None and not good:
            self.reached = kept
            return None
        other = None if good else added(self.bench, self.reach, places, self.deadline)
        if other is None and not (good and found[0][0] < ANEW):
            other = shaped(self.bench, self.reach, self.deadline)
        if other is None and good:
            return found[0][2]
        return other or self._several(places, found)

    def _several(self, places, found):
        """Look at what no single value explains: heads of loops, several values of one statement, two statements."""
        if not places:
            head = heads(self.bench, self.reach, self.deadline)
            if head is not None:
                return head
            both = mended(self.bench, self.reach, self.reach.all(joint=True), self.deadline)
            if both:
                return both[0][2]
        edits = self._pair([one.key for one in places])
        if len(edits) == 2 or (edits and not places):
            return min(edits, key=lambda one: one[1].order)[2]
        if found:
            return found[0][2]
        return heads(self.bench, self.reach, self.deadline) if places else None

    def _is_good(self, found):
        return bool(found) and self.verdicts[found[0][1].key] <= UNKNOWN

    def _other_values(self, without):
        """Find what is right once it holds another value of the forward: in the backward, or kept for it."""
        values, kept = [], []
        for key in [key for key in self.reach.order if key in self.reach.bent and key not in without]:
            steps = self.weigher.steps_of(key.number, len(self.reach.written[key]))
            here = self.reach.by_values(key, self.weigher.values, steps)
            (kept if self.reach.sites[key.number].kind == "kept" else values).extend(here)
        return values, kept

    def _mended(self, places):
        """Find edits of some places, the likeliest first; order the places by suspicion."""
        verdicts = {one.key: self.weigher.verdict(one, one.key in self.reach.bent) for one in places}
        found = mended(self.bench, self.reach, places, self.deadline)
        found.sort(key=lambda one: _likely(verdicts[one[1].key], *one))
        mixed = len({verdicts[one[1].key] > UNKNOWN for one in found}) == 2
        if mixed and self._otherwise_named(found[0][2]):
            verdicts = {key: min(verdict, UNKNOWN) for key, verdict in verdicts.items()}
            found.sort(key=lambda one: _likely(UNKNOWN, *one))
        self.verdicts = verdicts
        self.reached = sorted(
            places,
            key=lambda one: (_rank(verdicts[one.key]), one.key in self.reach.bent, not one.sure.all(), one.order),
        )
        return [self._unsure(found), *found[1:]] if found else []

    def _unsure(self, found):
        """Give the likeliest repair: not certain where an earlier line, not known right, is repaired as easily."""
        cost, place, first = found[0]
        line = place.site.statement.line
        others = [one for one in found[1:] if one[0] <= cost and one[1].order < place.order]
        others = [one for one in others if one[1].site.statement.line != line]
        rivals = [one for one in others if self.verdicts[one[1].key] < RIGHT]
        return cost, place, first._replace(sure=first.sure and not rivals)

    def _otherwise_named(self, found):
        """Whether names do not say what is meant: with all gradients right, some are wrong by their names."""
        try:
            written, _, _ = record(self.source.edited(found), self.source.passes[0])
        except Exception:  # it runs without a tape only
            return False
        judge(written, self.pool)
        wrong = {(one.t, base(of_gradient(one.name))) for one in written if one.status == WRONG and one.t is not None}
        return any(
            known.kind == TOTAL and known.name == name for t, name in wrong for known in self.pool.known.get(t, ())
        )

    def _made(self, without):
        """Find what is no gradient, and right once it is made otherwise."""
        found, end = [], min(self.deadline, time.process_time() + MADE)
        for key in self.reach.order:
            site = self.reach.sites[key.number]
            if key in self.reach.bent and key not in without and site.kind == "value" and key.way == ():
                found += self.reach.by_edits(key, lambda key=key: edited(self.reach, key, end))
        return found

    def _pair(self, without):
        """Find edits of two statements that together make everything right, or an edit of one of the two."""
        spare = []
        for pair in self.reach.pairs(without):
            if max(self.weigher.verdict(one, False) for one in pair) <= UNKNOWN:
                edits = mended(self.bench, self.reach, pair, self.deadline, whole=False)
                if len(edits) == 2:
                    return edits
                spare = spare or edits
        return spare


def _rank(verdict):
    return max(verdict, UNKNOWN)


def _likely(verdict, cost, one, _):
    """Order repairs: of what is not true the cheapest, else the last of what is: up to there all was true."""
    return (0, cost, one.order) if verdict <= UNKNOWN else (verdict, -one.order)
