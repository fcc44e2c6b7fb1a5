"""Messages on stdout."""

import sys

from quietzone_kit.mail import Mail, Taken
from quietzone_kit.mail._message import sender_of


class PrintMailer:
    """Writes messages to stdout; they aren't log lines, which are kept and shipped."""

    def __init__(self, sender: str) -> None:
        sender_of(sender)
        self._sender = sender

    async def send(self, mail: Mail) -> Taken:
        """Write a message."""
        head = f"From: {self._sender}\nTo: {mail.to}\nSubject: {mail.subject}\nMessage-ID: {mail.message_id}"
        files = "".join(f"\nAttached: {each.name}, {len(each.data):,} bytes" for each in mail.attachments)
        sys.stdout.write(f"\n--- mail\n{head}{files}\n\n{mail.text}\n---\n\n")
        sys.stdout.flush()
        return Taken(said="printed")

    async def close(self) -> None:
        """Nothing is open."""
