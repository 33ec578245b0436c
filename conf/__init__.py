"""The configuration files; a package so that they are found from any folder."""
