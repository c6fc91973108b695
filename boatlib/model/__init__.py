"""What learns: views, backbones, embedding, heads, training, the saved model, prediction."""
