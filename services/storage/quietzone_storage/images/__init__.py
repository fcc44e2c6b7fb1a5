"""Images that somebody has sent, decoded and resampled in processes of their own, which end with the image.

Nothing is named here: the processes import this too, and have no room for what those need who start them.
"""
