"""The composition root of one machine."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from quietzone_kit.runtime import SystemRandomness
from quietzone_standalone.folder import locked
from quietzone_standalone.ports import check_free
from quietzone_standalone.prepare import contract_stores, migrate_stores
from quietzone_standalone.roles import ROLES, environment, ops_ports
from quietzone_standalone.secret import kept_secrets
from quietzone_standalone.settings import Backends, Installation
from quietzone_standalone.supervisor import Say, Supervisor


@asynccontextmanager
async def running(installation: Installation, say: Say) -> AsyncIterator[Supervisor]:
    """All roles, ready within the block; stopped in good order at its end.

    Raises:
        PortTaken: a port isn't free.
        DataFolderTaken: the folder isn't free.
        SettingsError: names every variable that is wrong; a store can't be used by this release.
        RoleFailed: a role can't start.
    """
    told = environment(installation, SystemRandomness().token(32).hex())
    with locked(installation):  # before the ports: a second serve of the same folder is told of the first, not of "another program"
        check_free(installation.port, "the API")
        check_free(installation.scan_port, "scans")
        check_free(installation.files_port, "files")
        for role, port in ops_ports(told).items():
            check_free(port, f"the operators' port of {role.title}, from QUIETZONE_OPS_PORT on")
        migrated_before = await migrate_stores(told)
        supervisor = Supervisor(ROLES, {**kept_secrets(installation.data), **told}, say)
        try:
            await supervisor.start()
            if installation.backends is Backends.EMBEDDED:  # on servers an older release may run beside this one
                await contract_stores(told, migrated_before)
            async with asyncio.TaskGroup() as group:
                watching = group.create_task(supervisor.watch())
                yield supervisor
                watching.cancel()
        except BaseExceptionGroup as failures:  # the first is what happened, be it a role's end or the block's; the rest followed
            raise failures.exceptions[0] from None
        finally:
            await supervisor.stop()
