"""All that the storage service keeps in its store, feature by feature."""

from quietzone_kit.tasks import TASKS
from quietzone_storage.assets.repository import COLLECTIONS as ASSETS
from quietzone_storage.contents.repository import COLLECTIONS as CONTENTS
from quietzone_storage.usage.repository import COLLECTIONS as USAGE

COLLECTIONS = (*ASSETS, *CONTENTS, *USAGE, TASKS)
