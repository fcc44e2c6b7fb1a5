"""How a command fails: with a message for people, and exit code 1."""


class CommandFailed(Exception):
    """The command couldn't do what was asked: the message says what to do."""


class ApiError(CommandFailed):
    """The API refused a request, or couldn't be reached: the message says what it said."""


class TourFailed(CommandFailed):
    """Something was not as promised: the message says what."""


class OperationFailed(CommandFailed):
    """The bus, a store or a file didn't answer, or what was asked for isn't there: the message says which."""
