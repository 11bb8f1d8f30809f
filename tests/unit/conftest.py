from hypothesis import HealthCheck, settings

# No test asserts how long something takes, and neither may Hypothesis.
settings.register_profile(
    "unit", deadline=None, database=None, suppress_health_check=[HealthCheck.too_slow], print_blob=True
)
settings.load_profile("unit")
