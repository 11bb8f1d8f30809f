"""Tunnels to hosts behind ssh: opened before a build, watched by a guard, closed at its end."""
