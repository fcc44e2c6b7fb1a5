"""The one font that text is drawn with, in uploaded SVGs and on sheets: the same on every machine, whatever fonts that has.

DejaVu Sans 2.37 (LICENSE): Latin, Greek, Cyrillic and some other scripts, not those of East Asia; what it lacks is shown as a box in
uploads, and refused on sheets.
"""

from pathlib import Path

FAMILY = "DejaVu Sans"
FOLDER = Path(__file__).parent
FILE = FOLDER / "DejaVuSans.ttf"
