"""What users launch and what came out. `rlaif` never imports this."""
