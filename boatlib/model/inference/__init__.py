"""Using a saved model. Never reaches the training."""
