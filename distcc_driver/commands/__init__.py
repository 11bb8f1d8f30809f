"""The commands that people type, except for doctor."""
