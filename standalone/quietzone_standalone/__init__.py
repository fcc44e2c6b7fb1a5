"""All parts on one machine: a data folder, a process per role, and a supervisor."""

from quietzone_standalone.folder import DataFolderTaken
from quietzone_standalone.ports import PortTaken
from quietzone_standalone.roles import ROLES, SET_BY_SERVE, Role
from quietzone_standalone.secret import FILES as MADE_BY_SERVE
from quietzone_standalone.serve import running
from quietzone_standalone.settings import DEFAULT_PORT, Backends, Installation, installation
from quietzone_standalone.supervisor import RoleFailed, Supervisor

__all__ = [
    "DEFAULT_PORT",
    "MADE_BY_SERVE",
    "ROLES",
    "SET_BY_SERVE",
    "Backends",
    "DataFolderTaken",
    "Installation",
    "PortTaken",
    "Role",
    "RoleFailed",
    "Supervisor",
    "installation",
    "running",
]
