"""What mails say. Each is made of a subject, paragraphs and at most one link, as plain text and as plain HTML.

Links are made of the installation's own public URL, never of what a request says its host is; tokens stand in the fragment, which
browsers send to no server and write into no log.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Text:
    """A mail's words; `link` stands below the paragraphs."""

    subject: str
    paragraphs: Sequence[str]
    link: str | None = None

    def plain(self) -> str:
        """As plain text."""
        return "\n\n".join([*self.paragraphs, *([self.link] if self.link else [])]) + "\n"

    def html(self) -> str:
        """As HTML that loads nothing."""
        body = "".join(f"<p>{html.escape(paragraph)}</p>" for paragraph in self.paragraphs)
        if self.link:
            body += f'<p><a href="{html.escape(self.link)}">{html.escape(self.link)}</a></p>'
        return f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{html.escape(self.subject)}</title><body>{body}</body></html>'


class Texts:
    """All mails; `public_url` is where people reach this installation."""

    def __init__(self, public_url: str) -> None:
        self._url = public_url.rstrip("/")

    def verify(self, name: str, token: str) -> Text:
        """To somebody who signed up."""
        return Text(
            "Is this your address?",
            (
                f"Hello {name},",
                (
                    "somebody, you we hope, has signed up at Quietzone with this address. If so, open this link within 24 hours; if not, "
                    "do nothing."
                ),
            ),
            f"{self._url}/verify#token={token}",
        )

    def already(self, name: str) -> Text:
        """To somebody who is known, and in whose name somebody has signed up again."""
        return Text(
            "You have an account already",
            (
                f"Hello {name},",
                (
                    "somebody, maybe you, wanted to sign up at Quietzone with this address, which has an account already. You can sign in, "
                    "or choose a new password if you forgot yours. If it wasn't you, do nothing: nobody got in."
                ),
            ),
            f"{self._url}/sign-in",
        )

    def reset(self, name: str, token: str) -> Text:
        """To somebody who forgot his password."""
        return Text(
            "Choose a new password",
            (
                f"Hello {name},",
                "open this link within an hour to choose a new password. If you didn't ask for it, do nothing: the one you have stays.",
            ),
            f"{self._url}/reset#token={token}",
        )

    def invitation(self, account: str, role: str, token: str) -> Text:
        """To somebody who is asked to join an account."""
        return Text(
            "You are invited to Quietzone",
            (f"You are invited to the account “{account}” as {role}.", "Open this link within 7 days to accept."),
            f"{self._url}/invitation#token={token}",
        )

    def password_changed(self, name: str) -> Text:
        """To somebody whose password was changed."""
        return Text(
            "Your password was changed",
            (
                f"Hello {name},",
                (
                    "your password at Quietzone was changed just now, and all other sessions have ended. If that wasn't you, choose a new "
                    "one at once, and tell whoever operates this installation."
                ),
            ),
            f"{self._url}/forgot",
        )
