"""Why a machine can't be started, each said so that people can do something about it."""


class DataFolderTaken(Exception):
    """Another `quietzone serve` uses the folder, or it can't be used: says what to do."""


class PortTaken(Exception):
    """Another program listens there: says which port, and how to move ours."""


class RoleFailed(Exception):
    """A role can't start: what it printed before says why."""
