"""What ``diffsim-eval`` does: a trained controller, measured again."""
