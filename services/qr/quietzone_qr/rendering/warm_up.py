"""The first symbol, drawn and read back before the service says that it is ready: whoever asks first doesn't wait for libraries to load,
and a release whose decoders don't agree never becomes active.
"""

import asyncio

from quietzone_qr.rendering.renderer import ImageFormat, Renderer

PAYLOAD = "https://example.com/quietzone"
"""Nobody's code."""


class WarmUp:
    """`run` it beside the server. The renderer has no cache: what others have drawn proves nothing."""

    def __init__(self, renderer: Renderer) -> None:
        self._renderer = renderer
        self._is_warm = False

    async def run(self) -> None:
        """Draw a symbol in each format, then wait until cancelled.

        Raises:
            Unreadable: it can't be read back: this process must hand out nothing.
        """
        for image_format in ImageFormat:
            await self._renderer.render(PAYLOAD, image_format)
        self._is_warm = True
        await asyncio.Event().wait()

    def not_ready(self) -> str | None:
        """None when a symbol was drawn and read back."""
        return None if self._is_warm else "not read back yet"
