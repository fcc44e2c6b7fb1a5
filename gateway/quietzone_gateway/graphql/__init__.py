"""GraphQL: the same codes, counts and exports as REST has, and the same errors."""
