"""What every part of Quietzone is built on: ports with their adapters, and the edges of a process."""
