"""The names of what the ablation switches off; apart from how, because that needs large imports."""

ACTION_LOGITS = "logits only where an action is"
SHARED_TRUNK = "critic on the policy's trunk"
KEPT_SCORES = "log-probabilities and values kept from sampling"
ROWS_DROPPED = "finished rows dropped while decoding"
PACKING = "packed sequences"
NO_PADDING = "packing and sorting both"
ONE_PASS = "all samples in one forward pass"
CHUNKS = "log-probabilities in blocks of the vocabulary"
FUSED_GELU = "GELU as one operation"
FUSED_ADAMW = "AdamW as one operation"
KEPT_MEMORY = "freed memory kept for the next pass"

TECHNIQUES = (
    ACTION_LOGITS, SHARED_TRUNK, KEPT_SCORES, ROWS_DROPPED, PACKING, NO_PADDING, ONE_PASS, CHUNKS,
    FUSED_GELU, FUSED_ADAMW, KEPT_MEMORY,
)  # fmt: skip
