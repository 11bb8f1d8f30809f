"""What people type, except for doctor."""
