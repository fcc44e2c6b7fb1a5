"""Exports for people: a workbook (XLSX) or sheets of paper (PDF), made of the CSV of the same counts by a process of its own.

Nothing is imported here: whoever asks for one starts `python -m quietzone_analytics.printed`, and has none of its libraries.
"""

NO_ROOM, TOO_MUCH = 3, 4
"""How that process ends where the disk, or its bound, has no room for the file, and where a file takes more memory than it may."""
