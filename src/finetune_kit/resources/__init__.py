"""The verbs of a client, by what they act on."""
