"""The one error that a user's input can cause."""


class UserError(ValueError):
    """Bad input: config, data file, endpoint, model path. Printed as one line, without a traceback."""
