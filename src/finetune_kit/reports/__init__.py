"""What was found, to be read: as plain text, in a notebook, as a page."""
