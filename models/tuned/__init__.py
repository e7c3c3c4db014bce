"""The encoders that were tuned on what people say on calls, both from multilingual-e5-small: one judges what is said,
one sees it near the article that answers it.

`source` reads its weights from the package that carries them, `pieces` cuts texts, `adapter` is what tuning changed
(and the heads of the first: speech acts, intents, sentiment), `graph` joins these into one ONNX graph when it is
installed, and `encoder` runs it. `models.training.tune` and `models.training.needs` make the adapters.
"""
