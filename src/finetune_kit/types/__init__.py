"""What crosses the wire and what users hold: frozen values, no I/O."""
