"""All experiments of the paper, run by one command and compared with its figures."""
