"""How fast is training? ``python -m smallbatch.bench``."""
