"""The domain and the platform under it; imports no other package of ours."""

import os

# ONNX Runtime's Linux wheels (1.29 and later) send telemetry to their maker from the moment they are imported: the
# machine, the program and hashes of the models. Nothing leaves the building here, so it is off before any library is
# in, in this process and in those that it starts; `disable_telemetry_events()` comes too late.
os.environ["ORT_DISABLE_TELEMETRY"] = "1"

# A product of two small matrices takes microseconds. OpenBLAS would part it between all cores and have the others spin
# until the next one, on cores that Whisper needs: a final that is read and searched for took 61 ms of CPU, now 21.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
