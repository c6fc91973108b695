"""Teaching: what is given, what is learnt from, epochs, checkpoints, several processes."""
