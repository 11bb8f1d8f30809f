"""Says what the doctor found about each part of a build, and what to do about it."""
