"""The demo: real weights, real fine-tunes, one real backdoor, and what the registry says about them.

`base` takes the pinned model, `tunes` makes three harmless fine-tunes and a poisoned one of it, `lift` measures the
backdoor before and after merging, `sentences` is all they read. Only `studbook demo` imports these; they need the
`demo` extra (torch, transformers, safetensors).
"""
