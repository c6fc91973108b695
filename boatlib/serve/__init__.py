"""Answers over HTTP: a door that limits what comes in, a queue, and processes that hold the model."""
