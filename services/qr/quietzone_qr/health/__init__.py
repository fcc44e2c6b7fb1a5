"""Link health: whether the destinations of codes still answer, and word of those that don't."""
