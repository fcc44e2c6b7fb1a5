"""Exports for people: a workbook (XLSX) or sheets of paper (PDF), made of the CSV of the same counts by a process of its own.

Nothing is imported here: whoever asks for one starts `python -m quietzone_analytics.printed`, and has none of its libraries.
"""
