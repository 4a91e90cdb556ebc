"""The n-gram models that a language model is held against."""

from collections import Counter, defaultdict

import numpy as np
import pytest

from scratchnn import data
from scratchnn.data import ngrams


def by_hand(ids, start, order, V):
    """The same by dictionaries, one character after another, straight from the formula."""
    count, after, times = Counter(), defaultdict(set), Counter()
    for n in range(1, order + 1):
        for end in range(n, start + 1):
            *context, symbol = ids[end - n : end]
            count[n, tuple(context)] += 1
            after[n, tuple(context)].add(symbol)
            times[n, tuple(context), symbol] += 1

    def p(n, context, symbol):
        if n == 0:
            return 1 / V
        shorter = p(n - 1, context[1:], symbol)
        total, kinds = count[n, context], len(after[n, context])
        return (times[n, context, symbol] + kinds * shorter) / (total + kinds) if total else shorter

    return [p(order, tuple(ids[k - order + 1 : k]), ids[k]) for k in range(start, len(ids))]


@pytest.mark.parametrize("order", [1, 2, 3, 5])
def test_probabilities_are_those_of_the_formula(order):
    ids = np.random.default_rng(0).integers(0, 4, size=300)
    ids[::3] = 1
    found = ngrams.witten_bell(ids, 200, order, 5)
    # each order adds a few roundings of 2^-53 to a number below 1
    np.testing.assert_allclose(found, by_hand(ids.tolist(), 200, order, 5), rtol=order * 8 * 2**-53)


def test_two_characters_on_paper():
    """After "aab": p_1(a) = (2 + 2/3) / (3 + 2) with V = 3; after "a" came a and b once each."""
    one = ngrams.witten_bell(np.array([0, 0, 1, 0]), 3, 1, 3)
    assert one.tolist() == pytest.approx([(2 + 2 / 3) / 5])
    two = ngrams.witten_bell(np.array([0, 0, 1, 0, 1]), 3, 2, 3)
    unseen = (2 + 2 / 3) / 5  # nothing ever followed "b"
    assert two.tolist() == pytest.approx([unseen, (1 + 2 * (1 + 2 / 3) / 5) / 4])


def test_the_probabilities_of_all_characters_sum_to_one():
    ids = np.random.default_rng(1).integers(0, 4, size=100)
    for order in (1, 3, 6):
        total = sum(ngrams.witten_bell(np.append(ids, c), 100, order, 4)[-1] for c in range(4))
        assert total == pytest.approx(1, abs=1e-14)  # 4 numbers below 1, a few roundings of 1e-16 each


def test_what_is_held_out_is_never_counted():
    ids = np.random.default_rng(2).integers(0, 4, size=200)
    other = ids.copy()
    other[150:] = 3 - other[150:]
    np.testing.assert_array_equal(ngrams.witten_bell(ids, 100, 4, 4)[:50], ngrams.witten_bell(other, 100, 4, 4)[:50])


def test_the_cards_numbers_are_measured():
    """3-grams 2.014, 6-grams 1.624 nats per character on the last 10 %; the card has six digits."""
    card = data.TEXT_CARDS["chars"]
    found = {baseline.method: baseline.nats for baseline in ngrams.measure(data.load_text("chars"))}
    assert found["3-grams"] == pytest.approx(2.014, abs=0.001)
    assert found["6-grams"] == pytest.approx(1.624, abs=0.001)
    assert found == {one.method: pytest.approx(one.nats, abs=1e-6) for one in card.baselines}
    nats = [one.nats for one in card.baselines]
    assert nats == sorted(nats, reverse=True)


@pytest.mark.parametrize(("start", "order"), [(10, 0), (2, 3), (200, 3)])
def test_orders_and_starts_without_meaning_are_refused(start, order):
    with pytest.raises(data.DataError, match=r"witten_bell: (order|start) is"):
        ngrams.witten_bell(np.zeros(100, int), start, order, 3)
