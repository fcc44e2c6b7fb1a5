"""What mails say. Each is made of a subject, paragraphs and at most one link: as plain text and as plain HTML, or as what fills a template
of notification's, which has the layout.

Links are made of the installation's own public URL, never of what a request says its host is; tokens stand in the fragment, which
browsers send to no server and write into no log.
"""

import html
from collections.abc import Sequence
from dataclasses import dataclass

from quietzone_gateway.identity.rules import Lifetimes, in_words


@dataclass(frozen=True, slots=True)
class Text:
    """A mail's words; `link` stands below the paragraphs. `button` says what following it does, where a layout has buttons."""

    subject: str
    paragraphs: Sequence[str]
    link: str | None = None
    button: str = ""

    def data(self) -> dict[str, object]:
        """As what fills notification's template `notice` (docs/mail.md)."""
        lead = {"link": self.link, "button": self.button} if self.link else {}
        return {"subject": self.subject, "paragraphs": list(self.paragraphs), **lead}

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

    def __init__(self, public_url: str, lifetimes: Lifetimes) -> None:
        self._url = public_url.rstrip("/")
        self.lifetimes = lifetimes

    def verify(self, name: str, token: str) -> Text:
        """To somebody who signed up."""
        return Text(
            "Is this your address?",
            (
                f"Hello {name},",
                (
                    "somebody, you we hope, has signed up at Quietzone with this address. If so, open this link within "
                    f"{in_words(self.lifetimes.verification_ms)}; if not, do nothing."
                ),
            ),
            f"{self._url}/verify#token={token}",
            "This is my address",
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
            "Sign in",
        )

    def reset(self, name: str, token: str) -> Text:
        """To somebody who forgot his password."""
        return Text(
            "Choose a new password",
            (
                f"Hello {name},",
                (
                    f"open this link within {in_words(self.lifetimes.reset_ms)} to choose a new password. If you didn't ask for it, do "
                    "nothing: the one you have stays."
                ),
            ),
            f"{self._url}/reset#token={token}",
            "Choose a new password",
        )

    def invitation(self, account: str, role: str, token: str) -> Text:
        """To somebody who is asked to join an account."""
        return Text(
            "You are invited to Quietzone",
            (
                f"You are invited to the account “{account}” as {role}.",
                f"Open this link within {in_words(self.lifetimes.invitation_ms)} to accept.",
            ),
            f"{self._url}/invitation#token={token}",
            "Accept the invitation",
        )

    def password_changed(self, name: str) -> Text:
        """To somebody whose password was changed."""
        said = "your password at Quietzone was changed just now, and all other sessions have ended."
        return self._notice("Your password was changed", name, said)

    def factor_added(self, name: str) -> Text:
        """To somebody who signs in with a code too from now on."""
        said = "signing in to Quietzone as you needs a code of an authenticator app from now on, or a recovery code."
        return self._notice("You have a second factor", name, said)

    def factor_removed(self, name: str) -> Text:
        """To somebody whose password is enough again."""
        return self._notice("You have no second factor any more", name, "your password alone is enough for Quietzone again.")

    def recovery_used(self, name: str) -> Text:
        """To somebody as whom somebody has signed in without his app."""
        said = "somebody has just signed in to Quietzone as you with one of your recovery codes, in the place of your app."
        return self._notice("A recovery code was used", name, said)

    def recovery_renewed(self, name: str) -> Text:
        """To somebody whose recovery codes are others now."""
        return self._notice("You have new recovery codes", name, "your recovery codes for Quietzone are new ones; those before don't work.")

    def key_made(self, name: str, key: str, shown: str) -> Text:
        """To somebody who has made an API key."""
        said = f"an API key was made just now at Quietzone by you: “{key}”, which begins with {shown}. Whoever it was, it can be revoked."
        return self._notice("You have made an API key", name, said)

    def new_address(self, name: str, token: str) -> Text:
        """To the address that somebody wants to have."""
        return Text(
            "Is this your new address?",
            (
                f"Hello {name},",
                (
                    "somebody, you we hope, wants to use Quietzone with this address from now on. If so, open this link within "
                    f"{in_words(self.lifetimes.verification_ms)}; if not, do nothing."
                ),
            ),
            f"{self._url}/email#token={token}",
            "Use this address",
        )

    def address_taken(self, name: str) -> Text:
        """To somebody who is known, and whose address somebody else wants to have."""
        return Text(
            "You have an account already",
            (
                f"Hello {name},",
                (
                    "somebody, maybe you, wanted to use another account at Quietzone with this address, which has an account already. If "
                    "it wasn't you, do nothing: nothing has changed."
                ),
            ),
            f"{self._url}/sign-in",
            "Sign in",
        )

    def address_changed(self, name: str) -> Text:
        """To the address that somebody had."""
        return Text(
            "Your address was changed",
            (
                f"Hello {name},",
                (
                    "your account at Quietzone has another mail address since just now, and mails go there. If that wasn't you, tell "
                    "whoever operates this installation at once: with this address nobody signs in any more."
                ),
            ),
        )

    def _notice(self, subject: str, name: str, said: str) -> Text:
        """What was done in somebody's name, which may not have been he."""
        unless = "If that wasn't you, choose a new password at once, and tell whoever operates this installation."
        return Text(subject, (f"Hello {name},", f"{said} {unless}"), f"{self._url}/forgot", "Choose a new password")
