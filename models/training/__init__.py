"""Authored data and the trainer of the text heads. Needs the extra `train`; nothing here runs in the product."""
