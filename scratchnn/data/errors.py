"""The one error of this room: data that cannot be used, said in one sentence."""

from scratchnn.errors import InputError


class DataError(InputError):
    """Data that cannot be used; the message is one sentence: where, what came, what was expected."""
