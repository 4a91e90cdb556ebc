"""When to stop waiting."""


class EarlyStopping:
    """Stop when the score has not improved for ``patience`` epochs.

    ``fit`` starts it anew, so one object may serve several fits. The score is what ``fit`` monitors, the larger the
    better: validation accuracy, or minus the validation loss.

    Parameters
    ----------
    patience : int
        Epochs without improvement that end training; at least 1.
    minimum_change : float
        How much better than the best so far counts as an improvement: more than this.

    Raises
    ------
    ValueError
        ``patience`` below 1 or ``minimum_change`` below 0.
    """

    def __init__(self, patience: int, minimum_change: float = 0.0) -> None:
        if int(patience) != patience or patience < 1:
            raise ValueError(f"EarlyStopping: patience is {patience}, expected a whole number of at least 1")
        if not minimum_change >= 0:
            raise ValueError(f"EarlyStopping: minimum_change is {minimum_change}, expected 0 or more")
        self.patience = patience
        self.minimum_change = minimum_change
        self.start()

    def start(self) -> None:
        """Forget everything seen."""
        self.best: float | None = None
        self.waited = 0

    def update(self, score: float) -> bool:
        """Take the score of one more epoch.

        Parameters
        ----------
        score : float
            The larger the better.

        Returns
        -------
        bool
            True: stop now.
        """
        if self.best is None or score > self.best + self.minimum_change:
            self.best = score
            self.waited = 0
        else:
            self.waited += 1
        return self.waited >= self.patience

    def state_dict(self) -> dict[str, float | None]:
        """Give what was seen.

        Returns
        -------
        dict
            "best" and "waited".
        """
        return {"best": self.best, "waited": self.waited}

    def load_state_dict(self, state: dict) -> None:
        """Go on from what ``state_dict`` gave.

        Parameters
        ----------
        state : dict
        """
        self.best, self.waited = state["best"], state["waited"]
