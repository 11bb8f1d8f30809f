"""Follows the path of a build, and says what would go wrong."""
