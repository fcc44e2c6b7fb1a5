"""The composition roots: one module for each role, so that a process loads only what it runs."""
