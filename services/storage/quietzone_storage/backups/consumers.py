"""Events in: codes that are new (topic `qr.code.v1`)."""

import json
from urllib.parse import quote

from google.protobuf import json_format

from quietzone.qr.v1 import code_pb2
from quietzone_kit.blobs import About, Blobs
from quietzone_kit.events import Event
from quietzone_kit.reaction import Unreadable
from quietzone_storage.deadlines import blobs_answer
from quietzone_topics import TYPE_QR_CODE

CONSUMER = "storage-backups"
"""The consumer's group."""

FOLDER = "backups/codes"
"""Beside the contents, where no sweep looks."""

JSON = About("application/json")


class BackUpCodes:
    """Writes a backup of each code that is made; the same again writes the same."""

    def __init__(self, blobs: Blobs) -> None:
        self._blobs = blobs

    def knows(self, event_type: str) -> bool:
        """Changes of codes."""
        return event_type == TYPE_QR_CODE

    async def react(self, event: Event) -> None:
        """Back a new code up. What is written stays: a change needs none, and of a code that was deleted it is the last trace."""
        told = code_pb2.CodeEvent.FromString(event.data)
        if not (told.after.id and told.after.account_id):
            raise Unreadable("the event tells of no code: `after` lacks id or account")
        if told.kind == code_pb2.CHANGE_KIND_CREATED:
            async with blobs_answer():
                await self._blobs.put(key_of(told.after), backup_of(told), JSON)


def key_of(code: code_pb2.Code) -> str:
    """Where a code's backup is: `backups/codes/<account>/<code>.json`; signs that no key may have are written as in URLs, with = for %."""
    account, name = (quote(each, safe="").replace(".", "%2E").replace("%", "=") for each in (code.account_id, code.id))
    return f"{FOLDER}/{account}/{name}.json"


def backup_of(told: code_pb2.CodeEvent) -> bytes:
    """A code as JSON, its fields called as in `quietzone.qr.v1.Code`; and who made it."""
    code = json_format.MessageToDict(told.after, preserving_proto_field_name=True)
    return json.dumps({"code": code, "subject": told.subject}, ensure_ascii=False, indent=1, sort_keys=True).encode()
