"""What holds for every test."""

from hypothesis import HealthCheck, settings

# How long an example takes is the machine's affair: speed is shown by the benches.
settings.register_profile("here", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("here")
