"""What reward functions say of completions: calling them, beside the decoding where they allow it, and adding up."""
