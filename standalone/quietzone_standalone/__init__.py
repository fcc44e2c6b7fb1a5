"""All parts on one machine: a data folder, a process per role, and a supervisor."""

from quietzone_standalone.ports import PortTaken
from quietzone_standalone.roles import ROLES, Role
from quietzone_standalone.serve import DataFolderTaken, running
from quietzone_standalone.settings import Installation, installation
from quietzone_standalone.supervisor import RoleFailed, Supervisor

__all__ = ["ROLES", "DataFolderTaken", "Installation", "PortTaken", "Role", "RoleFailed", "Supervisor", "installation", "running"]
