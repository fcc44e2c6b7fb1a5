"""Events: what rules look at, and how accounts put their own."""
