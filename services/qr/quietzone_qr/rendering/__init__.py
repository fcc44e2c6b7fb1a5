"""Symbols as images: matrix, drawing, and the gate that reads each one back before it is handed out."""

from quietzone_qr.rendering.gate import Gate, Unreadable
from quietzone_qr.rendering.geometry import DEFAULT_SIZE_PX, MAX_SIZE_PX, MIN_SIZE_PX, ImageTooSmall
from quietzone_qr.rendering.matrix import MAX_PAYLOAD_BYTES, QUIET_ZONE, Matrix, PayloadRefused
from quietzone_qr.rendering.renderer import Image, ImageFormat, Renderer
from quietzone_qr.rendering.warm_up import WarmUp

__all__ = [
    "DEFAULT_SIZE_PX",
    "MAX_PAYLOAD_BYTES",
    "MAX_SIZE_PX",
    "MIN_SIZE_PX",
    "QUIET_ZONE",
    "Gate",
    "Image",
    "ImageFormat",
    "ImageTooSmall",
    "Matrix",
    "PayloadRefused",
    "Renderer",
    "Unreadable",
    "WarmUp",
]
