"""The domain and the platform under it; imports no other package of ours."""

import os

# ONNX Runtime's Linux wheels (1.29 and later) send telemetry to their maker from the moment they are imported: the
# machine, the program and hashes of the models. Nothing leaves the building here, so it is off before any library is
# in, in this process and in those that it starts; `disable_telemetry_events()` comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"
