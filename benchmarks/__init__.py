"""Speed and accuracy, measured: each module is a command; docs/ has what was found."""
