"""Plans, limits, load shedding and feature flags."""
