"""minikit where users of other libraries look for it; each module imports its own library alone."""
