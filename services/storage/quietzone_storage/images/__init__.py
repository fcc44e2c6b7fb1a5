"""Images that somebody has sent, decoded and resampled in processes of their own, which end with the image."""

from quietzone_storage.images.messages import Made
from quietzone_storage.images.process import ImageFailed, Images

__all__ = ["ImageFailed", "Images", "Made"]
