"""Evaluation (``diffsim-eval``): a trained controller, measured again."""
