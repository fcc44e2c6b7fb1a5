"""All parts on one machine: a data folder, a process per role, and a supervisor.

Nothing is imported here: most commands need a setting or two of this, and not the code of all parts.
"""
