"""The true gradients of parameters: of all their uses, or of those from some time step on."""

from typing import Any

import numpy as np

from scratchnn.probe.tape.nudge import Nudge

from .copies import Wanted, of_parameter
from .nodes import Nodes
from .steps import shares

ENTRIES = 4096  # of a parameter that are all looked at; of a larger one a sample
SAMPLE = 16
WEIGHTS = 1024  # numbers in all hidden states


class Parameters:
    """Finds true gradients of parameters.

    Parameters
    ----------
    problem : Problem
    nodes : Nodes
    """

    def __init__(self, problem: Any, nodes: Nodes) -> None:
        self.problem, self.nodes = problem, nodes
        self._shares: dict[str, np.ndarray] = {}  # (T, entries)
        self._whole: dict[str, np.ndarray] = {}

    def true(self, op: str, name: str, since: int | None) -> tuple[np.ndarray, np.ndarray, str]:
        """Differentiate by a parameter.

        Parameters
        ----------
        op, name : str
        since : int or None
            Only its uses in the steps from here on; None for all uses.

        Returns
        -------
        true : (N,) array
        entries : (N,) int array
            Of the flattened parameter.
        method : str
        """
        entries = self.entries(op, name)
        if self.by_steps(op) and not self._large():
            true = self._of_steps(op, name, entries)[since or 0 :].sum(axis=0)
            return true, entries, f"complex step through each step t>={since or 0}, perturbing {name} there"
        if since and self.by_steps(op):
            method = f"complex step through the forward, perturbing {name} in each step t>={since}"
            return of_parameter(self.problem, name, entries, self._taken(op, since)), entries, method
        if name not in self._whole:
            self._whole[name] = of_parameter(self.problem, name, entries)
        return self._whole[name], entries, f"complex step through the forward, perturbing {name}"

    def by_steps(self, op: str) -> bool:
        """Whether an op's steps can be judged one by one.

        Parameters
        ----------
        op : str

        Returns
        -------
        bool
        """
        return self.problem.steps and bool(self.nodes.source(op, "h_t", 0))

    def weights(self, op: str) -> list[Wanted]:
        """List the nodes whose derivatives weigh what a step makes: h_t, and c_t as step t+1 reads it.

        Parameters
        ----------
        op : str

        Returns
        -------
        list of Wanted
            Empty where steps are not judged one by one.
        """
        if not self.by_steps(op) or self._large():
            return []
        T = self.problem.sizes["T"]
        wanted = [one for t in range(T) for one in self.nodes.source(op, "h_t", t)]
        if op == "lstm":
            wanted += [one for t in range(1, T) for one in self.nodes.source(op, "c_prev", t)]
        return wanted

    def entries(self, op: str, name: str) -> np.ndarray:
        """Choose the entries of a parameter that are looked at.

        Parameters
        ----------
        op, name : str

        Returns
        -------
        (N,) int array
        """
        size = self.problem.params[name].size
        large = self.by_steps(op) and self._large()
        if size <= (SAMPLE if large else ENTRIES):
            return np.arange(size)
        return np.sort(np.random.default_rng(0).choice(size, SAMPLE, replace=False))

    def _large(self):
        """Whether the derivatives that weigh the steps would be too many to find."""
        sizes = self.problem.sizes
        return sizes["T"] * sizes["B"] * sizes["H"] > WEIGHTS

    def _taken(self, op, since):
        """Where the steps take their parameters."""
        found = [self.nodes.seen[op, "h_prev", t][0] for t in range(since, self.problem.sizes["T"])]
        return [(*record.key[:2], record.site.targets.index("params")) for record in found]

    def _of_steps(self, op, name, entries):
        if name not in self._shares:
            problem, nodes, T = self.problem, self.nodes, self.problem.sizes["T"]
            nodes.prepare(self.weights(op))
            read = ("x_t", "h_prev", "c_prev") if op == "lstm" else ("x_t", "h_prev")
            rows = tuple(np.stack([nodes.source(op, one, t)[0].value for t in range(T)]) for one in read)
            weights = [np.stack([nodes.true(op, "h_t", t) for t in range(T)])]
            if op == "lstm":
                on = [nodes.true(op, "c_prev", t) for t in range(1, T)]
                weights.append(np.stack([*on, problem.upstream.get("c_last", np.zeros(weights[0].shape[1:]))]))
            prefix = f"{op}." if name.startswith(f"{op}.") else ""
            params = {key.removeprefix(prefix): one for key, one in problem.params.items() if key.startswith(prefix)}
            step = problem.build(Nudge({}))[op]["step"]
            self._shares[name] = shares(
                step,
                rows,
                tuple(weights),
                params,
                name.removeprefix(prefix),
                entries,
                lambda some: problem.bundle(some, op),
            )
        return self._shares[name]
