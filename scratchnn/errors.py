"""The base of every error whose sentence is meant for a person who gave something wrong."""


class InputError(ValueError):
    """Something given from outside is wrong; the message is one sentence: what, where, what was expected.

    The command line prints it and exits with 2; any other exception is a defect of ours and keeps its traceback.
    """
