"""A distccd that runs on this machine, for the commands worker and demo."""
