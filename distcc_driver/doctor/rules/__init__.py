"""What distcc does with a compile command: keep it here, send it, or send it to be changed by the worker."""
